"""Reads documents, in a process of its own: `python -m hub.daily.reading index FOLDER INDEX`, or
`... zim FOLDER WORDS`. It answers with one line of JSON.

Files of strangers are taken apart here by libraries that may be slow, take much memory, or die of
them: that costs this process, and the next look goes on behind that file.
"""

from __future__ import annotations

import html
import json
import os
import re
import resource
import sqlite3
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from pathlib import Path

from hub import egress
from hub.daily.passages import IDLE, passages, plain

MEMORY = 1024 * 1024 * 1024
"""Bytes that this process may take."""
LARGEST = {".pdf": 100 * 1024 * 1024}
LARGEST_TEXT = 10 * 1024 * 1024
MOST_FILES = 5000
MOST_PAGES = 2000
MOST_PASSAGES = 5000
"""Of one file."""
MOST_OF_ALL = 200_000
MOST_WORDS = 6
ARTICLES = 5
"""Articles of a Kiwix file that are looked at."""
TEXTS = (".md", ".markdown", ".txt", ".text", ".rst")

SCHEMA = """
CREATE TABLE IF NOT EXISTS files(
    path TEXT PRIMARY KEY, changed INTEGER, size INTEGER, passages INTEGER);
CREATE VIRTUAL TABLE IF NOT EXISTS passages USING fts5(
    text, document UNINDEXED, page UNINDEXED, path UNINDEXED,
    tokenize="unicode61 remove_diacritics 2");
"""


def index(folder: Path, database: Path) -> dict[str, int]:
    """Bring the index up to date. How many files were read, and how many are gone."""
    database.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.close(os.open(database, os.O_CREAT | os.O_RDWR, 0o600))
    read = gone = failed = 0
    with closing(sqlite3.connect(database, timeout=10.0)) as kept:
        kept.execute("PRAGMA journal_mode=WAL")
        kept.executescript(SCHEMA)
        known = {
            path: (changed, size)
            for path, changed, size in kept.execute("SELECT path, changed, size FROM files")
        }
        there = {str(path.relative_to(folder)): path for path in _files(folder)}
        for name in known.keys() - there.keys():
            _forget(kept, name)
            gone += 1
        kept.commit()
        for name, path in there.items():
            stat = path.stat()
            mark = stat.st_mtime_ns, stat.st_size
            if known.get(name) == mark:
                continue
            _forget(kept, name)
            # Written down first: a file that this process dies of is not tried again.
            kept.execute("INSERT INTO files VALUES (?, ?, ?, 0)", (name, *mark))
            kept.commit()
            try:
                count = _keep(kept, name, path)
            except Exception as error:  # whatever a library raises about a file of somebody
                print(f"{path}: {type(error).__name__}: {error}", file=sys.stderr)
                failed += 1
                kept.rollback()
                continue
            kept.execute("UPDATE files SET passages = ? WHERE path = ?", (count, name))
            kept.commit()
            read += 1
    return {"read": read, "gone": gone, "failed": failed}


def _files(folder: Path) -> Iterator[Path]:
    """The documents of a folder; nothing that begins with a point, and no links out of it."""
    count = 0
    root = folder.resolve()
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() not in (*TEXTS, ".pdf") or not path.is_file():
            continue
        if any(part.startswith(".") for part in path.relative_to(folder).parts):
            continue
        if not path.resolve().is_relative_to(root):
            continue
        if path.stat().st_size > LARGEST.get(path.suffix.lower(), LARGEST_TEXT):
            continue
        count += 1
        if count > MOST_FILES:
            return
        yield path


def _forget(kept: sqlite3.Connection, name: str) -> None:
    kept.execute("DELETE FROM passages WHERE path = ?", (name,))
    kept.execute("DELETE FROM files WHERE path = ?", (name,))


def _keep(kept: sqlite3.Connection, name: str, path: Path) -> int:
    """Put the passages of a file into the index."""
    room = MOST_OF_ALL - int(kept.execute("SELECT count(*) FROM passages").fetchone()[0])
    count = 0
    for page, text in _pages(path):
        for passage in passages(text):
            if count >= min(MOST_PASSAGES, room):
                return count
            kept.execute(
                "INSERT INTO passages VALUES (?, ?, ?, ?)", (passage, path.name, page, name)
            )
            count += 1
    return count


def _pages(path: Path) -> Iterator[tuple[int | None, str]]:
    if path.suffix.lower() == ".pdf":
        from pypdf import PdfReader

        for number, page in enumerate(PdfReader(path).pages[:MOST_PAGES], 1):
            yield number, re.sub(r"-\n(?=[a-zäöü])", "", page.extract_text() or "")
    else:
        yield None, plain(path.read_bytes().decode("utf-8-sig", errors="replace"))


def zim(folder: Path, words: str) -> dict[str, list[tuple[str, str]]]:
    """Passages of the articles that the Kiwix files of a folder have for these words, with the
    titles of the articles."""
    from libzim.reader import Archive
    from libzim.search import Query, Searcher

    found: list[tuple[str, str]] = []
    for path in sorted(folder.rglob("*.zim"))[:10]:
        archive = Archive(path)
        if not archive.has_fulltext_index:
            continue
        searcher = Searcher(archive)
        asked = [w for w in re.findall(r"[^\W_]+", words.casefold()) if w not in IDLE]
        keys: list[str] = []
        # All the words, and if no article has them all: the longest of them, one by one.
        for query in (" ".join(asked), *sorted(asked, key=len, reverse=True)[:MOST_WORDS]):
            if query and not keys[ARTICLES:]:
                keys += searcher.search(Query().set_query(query)).getResults(0, ARTICLES)
                if query == " ".join(asked) and keys:
                    break
        for key in dict.fromkeys(keys):
            item = archive.get_entry_by_path(key).get_item()
            if "html" not in item.mimetype and not item.mimetype.startswith("text/"):
                continue
            text = _text(bytes(item.content)[:LARGEST_TEXT].decode("utf-8", errors="replace"))
            title = f"{item.title} ({path.stem})"
            found += [(passage, title) for passage in list(passages(text))[:100]]
    return {"found": found[:300]}


def _text(page: str) -> str:
    """The words of an HTML page, with its paragraphs."""
    page = re.sub(r"(?is)<(script|style|head|nav|table|sup)\b.*?</\1>", " ", page)
    page = re.sub(r"(?i)</?(?:p|div|h[1-6]|li|br|section)\b[^>]*>", "\n\n", page)
    return plain(html.unescape(re.sub(r"<[^>]*>", " ", page)))


MODES: Mapping[str, Callable[[Path, str], object]] = {
    "index": lambda folder, path: index(folder, Path(path)),
    "zim": zim,
}


def main(mode: str, folder: str, other: str) -> None:
    egress.close_off()
    os.nice(10)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    print(json.dumps(MODES[mode](Path(folder), other)))


if __name__ == "__main__":
    main(*sys.argv[1:])
