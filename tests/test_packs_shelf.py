"""What is on the shelf stays what it was; whose it is, how old it is and what it may do counts."""

from __future__ import annotations

import json
import multiprocessing
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hub.errors import SkillError, StorageError
from hub.packs import manifest, pack
from hub.packs.description import NOTHING, PackError
from hub.packs.shelf import Installed, Shelf
from hub.storage import AtomicStorage
from tests import packs_kit
from tests.packs_kit import KEY, OTHER_KEY, built, install, refused

ID = "coffee-machine"


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path / "data" / "packs")


@pytest.fixture(autouse=True)
def writable_again(tmp_path: Path) -> Iterator[None]:
    """pytest deletes old folders, and may not delete what is read-only unless it is root."""
    yield
    for path in tmp_path.rglob("*"):
        if path.is_dir() and not path.is_symlink():
            path.chmod(0o700)


def test_looking_makes_nothing(shelf: Shelf) -> None:
    assert shelf.installed() == [] and shelf.problems() == []
    assert not shelf.folder.exists()


def test_an_installed_pack_is_there_for_whoever_looks_next(shelf: Shelf, tmp_path: Path) -> None:
    source = built(tmp_path)
    done = install(shelf, source, settings={"cups": 3})
    (found,) = Shelf(shelf.folder).installed()
    assert found == done
    assert (found.pack.id, found.pack.version) == (ID, "1.2.0")
    assert found.signed and found.key_id == KEY.public.id
    assert found.enabled and found.usable
    assert found.settings == {"cups": 3}
    assert found.granted == found.pack.permissions
    assert found.source == str(source)
    shelf.verify(found)


def test_content_is_named_after_itself_and_read_only(shelf: Shelf, tmp_path: Path) -> None:
    found = install(shelf, built(tmp_path))
    assert found.folder.name == found.digest
    assert manifest.digest((found.folder / manifest.NAME).read_bytes()) == found.digest
    for path in (found.folder, *found.folder.rglob("*")):
        assert not path.stat().st_mode & 0o222, path
        assert path.stat().st_mode & 0o444, path


def test_a_signature_that_is_put_there_later_is_seen(shelf: Shelf, tmp_path: Path) -> None:
    """It would be the one file that no manifest speaks of."""
    found = install(shelf, built(tmp_path, key=None), unsigned=True)
    shelf.verify(found)
    found.folder.chmod(0o755)
    (found.folder / manifest.SIGNATURE).write_text("import os")
    with pytest.raises(PackError, match="later"):
        shelf.verify(found)


def test_root_does_not_write_what_the_hub_could_not_read(
    shelf: Shelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(shelf, built(tmp_path))
    owner = shelf.folder.stat().st_uid
    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.setattr("hub.packs.shelf._owner", lambda folder: owner or 4711)
    with pytest.raises(PackError, match="sudo -u"):
        shelf.set_enabled(ID, False)


def test_what_a_killed_command_left_is_swept(shelf: Shelf, tmp_path: Path) -> None:
    install(shelf, built(tmp_path))
    for name, age in (("old", 100_000), ("new", 100)):
        left = shelf.folder / "staging" / name
        (left / "unpacked").mkdir(parents=True)
        os.utime(left, (left.stat().st_mtime - age,) * 2)
    (shelf.folder / "content" / ("0" * 64)).mkdir()
    install(shelf, built(tmp_path, version="1.3.0"))
    assert [path.name for path in (shelf.folder / "staging").iterdir()] == ["new"]
    assert len(list((shelf.folder / "content").iterdir())) == 2


def test_what_is_kept_about_packs_is_for_the_hub_alone(shelf: Shelf, tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        install(shelf, built(tmp_path))
        shelf.deny("another-pack")
    finally:
        os.umask(old)
    for path in shelf.folder.iterdir():
        wanted = 0o700 if path.is_dir() else 0o600
        assert stat.S_IMODE(path.stat().st_mode) == wanted, path
    assert stat.S_IMODE(shelf.folder.stat().st_mode) == 0o700


def test_a_program_in_a_pack_may_be_run_and_nothing_else(shelf: Shelf, tmp_path: Path) -> None:
    found = install(
        shelf,
        built(
            tmp_path,
            files={"bin/server": "#!/bin/sh\n", "bin/other": "#!/bin/sh\n"},
            settings='[run]\ncommand = ["./bin/server", "--fast"]',
        ),
    )
    assert os.access(found.folder / "bin" / "server", os.X_OK)
    assert not (found.folder / "bin" / "other").stat().st_mode & 0o111
    assert not (found.folder / "skill.py").stat().st_mode & 0o111


# --- the same as it was ---


def change_a_byte(found: Installed) -> None:
    path = found.folder / "skill.py"
    path.chmod(0o644)
    content = bytearray(path.read_bytes())
    content[-5] ^= 1
    path.write_bytes(bytes(content))


def add_a_file(found: Installed) -> None:
    found.folder.chmod(0o755)
    (found.folder / "json.py").write_text("print('mine')")


def add_a_hidden_file(found: Installed) -> None:
    found.folder.chmod(0o755)
    (found.folder / "__pycache__").mkdir()
    (found.folder / "__pycache__" / "skill.cpython-311.pyc").write_bytes(b"x")


def take_a_file(found: Installed) -> None:
    found.folder.chmod(0o755)
    (found.folder / "skill.py").unlink()


def link_a_file(found: Installed) -> None:
    found.folder.chmod(0o755)
    path = found.folder / "skill.py"
    path.rename(found.folder.parent / "elsewhere.py")
    path.symlink_to(found.folder.parent / "elsewhere.py")


def take_the_signature(found: Installed) -> None:
    found.folder.chmod(0o755)
    (found.folder / manifest.SIGNATURE).unlink()


def sign_again(found: Installed) -> None:
    """By somebody who can write where the hub keeps its packs."""
    found.folder.chmod(0o755)
    path = found.folder / manifest.SIGNATURE
    path.chmod(0o644)
    path.write_bytes(OTHER_KEY.sign((found.folder / manifest.NAME).read_bytes(), "mine"))


CHANGES = [
    change_a_byte,
    add_a_file,
    add_a_hidden_file,
    take_a_file,
    link_a_file,
    take_the_signature,
    sign_again,
]


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_what_was_changed_after_it_was_installed_does_not_start(
    change: Callable[[Installed], None], shelf: Shelf, tmp_path: Path
) -> None:
    found = install(shelf, built(tmp_path))
    shelf.verify(found)
    change(found)
    with pytest.raises(PackError):
        shelf.verify(found)
    with pytest.raises(PackError):
        shelf.set_enabled(ID, True)


def test_a_description_that_was_changed_is_a_problem_and_no_pack(
    shelf: Shelf, tmp_path: Path
) -> None:
    found = install(shelf, built(tmp_path))
    path = found.folder / "pack.toml"
    path.chmod(0o644)
    path.write_text(path.read_text().replace("coffee/#", "zigbee2mqtt/#"))
    assert shelf.installed() == []
    (problem,) = shelf.problems()
    assert "was changed" in str(problem)
    install_again = built(tmp_path)
    shelf.remove(ID)
    install(shelf, install_again)
    assert [one.pack.id for one in shelf.installed()] == [ID]


def test_other_packs_live_on_beside_a_damaged_one(shelf: Shelf, tmp_path: Path) -> None:
    other = packs_kit.description().replace(f'"{ID}"', '"tea-machine"')
    install(shelf, built(tmp_path, files={"pack.toml": other}))
    found = install(shelf, built(tmp_path))
    found.folder.chmod(0o755)
    (found.folder / manifest.NAME).unlink()
    assert [one.pack.id for one in shelf.installed()] == ["tea-machine"]
    assert len(shelf.problems()) == 1


def test_a_state_that_names_other_content_does_not_help(shelf: Shelf, tmp_path: Path) -> None:
    """Whoever can write the state can choose among what is there, but not what a pack is."""
    found = install(shelf, built(tmp_path))
    state = AtomicStorage(shelf.folder / "state.json")
    content = json.dumps(state.read())
    for other in ("../../../etc", "0" * 64, found.digest[:-1]):
        state.write(json.loads(content.replace(found.digest, other)))
        assert shelf.installed() == [] and len(shelf.problems()) == 1
        state.write(json.loads(content))
    assert shelf.installed() == [found]


def test_a_state_that_is_damaged_is_said(shelf: Shelf, tmp_path: Path) -> None:
    install(shelf, built(tmp_path))
    for path in shelf.folder.glob("state.json*"):
        path.write_text("{")
    with pytest.raises(StorageError):
        shelf.installed()


# --- whose it is ---


def test_the_first_key_is_pinned(shelf: Shelf, tmp_path: Path) -> None:
    install(shelf, built(tmp_path))
    assert shelf.keys() == {ID: KEY.public}
    new = built(tmp_path, version="1.3.0", key=OTHER_KEY)
    why = refused(shelf, new)
    assert KEY.public.id in why and OTHER_KEY.public.id in why and "keys trust" in why
    assert shelf.get(ID).pack.version == "1.2.0"


def test_another_key_is_taken_once_the_owner_has_said_so(shelf: Shelf, tmp_path: Path) -> None:
    install(shelf, built(tmp_path))
    shelf.trust(ID, OTHER_KEY.public)
    install(shelf, built(tmp_path, version="1.3.0", key=OTHER_KEY))
    assert refused(shelf, built(tmp_path, version="1.4.0", key=KEY))
    assert shelf.get(ID).key_id == OTHER_KEY.public.id
    # What was signed with the old key, and taken then, can still be gone back to.
    assert shelf.rollback(ID).key_id == KEY.public.id
    shelf.verify(shelf.get(ID))


def test_a_key_stays_pinned_when_its_pack_is_removed(shelf: Shelf, tmp_path: Path) -> None:
    install(shelf, built(tmp_path))
    shelf.remove(ID)
    assert refused(shelf, built(tmp_path, version="1.3.0", key=OTHER_KEY))
    shelf.forget_key(ID)
    install(shelf, built(tmp_path, version="1.3.0", key=OTHER_KEY))
    with pytest.raises(PackError, match="is installed"):
        shelf.forget_key(ID)


def test_a_key_from_elsewhere_is_believed_and_not_the_one_in_the_pack(
    shelf: Shelf, tmp_path: Path
) -> None:
    source = built(tmp_path)
    with pytest.raises(PackError, match="belongs to key"):
        install(shelf, source, key=OTHER_KEY.public)
    assert install(shelf, source, key=KEY.public).signed


def test_a_pack_without_its_key_needs_one_from_elsewhere(shelf: Shelf, tmp_path: Path) -> None:
    """As an author signs with minisign alone."""
    folder = packs_kit.write(tmp_path / "pack")
    (folder / manifest.NAME).write_bytes(manifest.of(folder))
    (folder / manifest.SIGNATURE).write_bytes(KEY.sign(manifest.of(folder), "x"))
    assert "--key" in refused(shelf, folder)
    assert install(shelf, folder, key=KEY.public).key_id == KEY.public.id


def test_what_nobody_signed_is_taken_only_when_asked_for_and_never_for_what_was_signed(
    shelf: Shelf, tmp_path: Path
) -> None:
    plain = built(tmp_path, key=None)
    assert "--unsigned" in refused(shelf, plain)
    found = install(shelf, plain, unsigned=True)
    assert not found.signed and found.key_id is None
    shelf.remove(ID)
    install(shelf, built(tmp_path))
    plain = built(tmp_path, key=None, version="1.3.0")
    assert "not signed" in refused(shelf, plain, unsigned=True)


def test_an_unsigned_pack_can_become_a_signed_one(shelf: Shelf, tmp_path: Path) -> None:
    install(shelf, built(tmp_path, key=None), unsigned=True)
    assert install(shelf, built(tmp_path, version="1.3.0")).signed
    assert shelf.keys() == {ID: KEY.public}


def test_a_folder_that_was_signed_in_place_counts_as_signed(shelf: Shelf, tmp_path: Path) -> None:
    folder = packs_kit.write(tmp_path / "pack")
    pack.sign(folder, KEY)
    (folder / ".git").mkdir()
    (folder / ".git" / "config").write_text("not a part of it")
    assert install(shelf, folder).signed
    (folder / "skill.py").write_text("changed")
    assert "was changed" in refused(shelf, folder)


# --- how old it is ---


def test_what_is_older_is_not_taken_not_even_after_it_was_removed(
    shelf: Shelf, tmp_path: Path
) -> None:
    old = built(tmp_path, version="1.10.0")
    install(shelf, built(tmp_path, version="1.9.0"))
    install(shelf, old)
    install(shelf, built(tmp_path, version="1.11.0rc1"))
    assert "rollback" in refused(shelf, old)
    shelf.remove(ID)
    assert "older than 1.11.0rc1" in refused(shelf, old)
    install(shelf, built(tmp_path, version="1.11.0"))


def test_the_same_version_with_other_content_is_not_taken(shelf: Shelf, tmp_path: Path) -> None:
    install(shelf, built(tmp_path))
    other = built(tmp_path, files={"skill.py": packs_kit.SKILL + "# more\n"})
    assert "another version" in refused(shelf, other)


def test_somebodys_own_pack_may_change_without_a_new_version(shelf: Shelf, tmp_path: Path) -> None:
    folder = packs_kit.write(tmp_path / "pack")
    first = install(shelf, folder, unsigned=True)
    (folder / "skill.py").write_text(packs_kit.SKILL + "# more\n")
    assert install(shelf, folder, unsigned=True).digest != first.digest


def test_rollback_goes_back_step_by_step_and_an_update_forward_again(
    shelf: Shelf, tmp_path: Path
) -> None:
    sources = {v: built(tmp_path, version=v) for v in ("1.0", "1.1", "1.2")}
    for source in sources.values():
        install(shelf, source)
    assert shelf.versions(ID) == ["1.0", "1.1", "1.2"]
    assert shelf.rollback(ID).pack.version == "1.1"
    assert shelf.rollback(ID).pack.version == "1.0"
    with pytest.raises(PackError, match="no older version"):
        shelf.rollback(ID)
    assert install(shelf, sources["1.2"]).pack.version == "1.2"


def test_old_versions_go_in_the_end_with_their_content(shelf: Shelf, tmp_path: Path) -> None:
    for number in range(8):
        install(shelf, built(tmp_path, version=f"1.{number}"))
    assert shelf.versions(ID) == ["1.3", "1.4", "1.5", "1.6", "1.7"]
    assert len(list((shelf.folder / "content").iterdir())) == 5
    shelf.remove(ID)
    assert list((shelf.folder / "content").iterdir()) == []


def test_an_unsigned_pack_does_not_inherit_from_one_of_the_same_name_elsewhere(
    shelf: Shelf, tmp_path: Path
) -> None:
    first = packs_kit.write(tmp_path / "one")
    with shelf.staging():
        candidate = shelf.examine(first, "https://one.example/p.zip", unsigned=True)
        shelf.put(candidate, settings={"cups": 9})
    with pytest.raises(PackError, match="from elsewhere"):
        shelf.examine(first, "https://two.example/p.zip", unsigned=True)


# --- what it may do ---


def test_an_update_that_wants_more_says_what(shelf: Shelf, tmp_path: Path) -> None:
    install(shelf, built(tmp_path))
    more = built(
        tmp_path,
        version="1.3.0",
        risk="R2",
        permissions='mqtt = ["coffee/#"]\nspeak = true\nhome.domains = ["lock"]',
    )
    with shelf.staging() as staging:
        candidate = packs_kit.examined(shelf, more, staging)
        assert candidate.more == [
            "see locks",
            "speak by itself, without being asked",
            "do things of class R2, not only R1",
        ]
    assert shelf.get(ID).pack.version == "1.2.0"
    same = built(tmp_path, version="1.3.0", permissions='mqtt = ["coffee/cup"]')
    with shelf.staging() as staging:
        assert packs_kit.examined(shelf, same, staging).more == []


def test_the_owner_can_keep_something_from_a_pack_also_after_an_update(
    shelf: Shelf, tmp_path: Path
) -> None:
    wishes = (
        'mqtt = ["coffee/#"]\nspeak = true\nhome.domains = ["light"]\nhome.act = true\n'
        'events = ["light"]'
    )
    install(shelf, built(tmp_path, permissions=wishes))
    assert shelf.withhold(ID, ["speak", "act"]).granted.in_words() == [
        "see lights",
        "be told at once when lights change",
        "send and hear messages on MQTT: coffee/#",
    ]
    install(shelf, built(tmp_path, version="1.3.0", permissions=wishes))
    assert not shelf.get(ID).granted.speak
    everything = ("home", "mqtt", "network", "speak", "timers", "events")
    assert shelf.withhold(ID, everything).granted == NOTHING
    assert shelf.withhold(ID, []).granted.speak
    with pytest.raises(PackError, match="is none of"):
        shelf.withhold(ID, ["everything"])


def test_settings_are_checked_kept_and_brought_back(shelf: Shelf, tmp_path: Path) -> None:
    install(shelf, built(tmp_path))
    assert shelf.set_settings(ID, {"cups": 4}).settings == {"cups": 4}
    for wrong in ({"cups": 99}, {"cups": "4"}, {"sugar": 1}, {"sugar": None}):
        with pytest.raises(PackError):
            shelf.set_settings(ID, wrong)  # type: ignore[arg-type]
    assert shelf.get(ID).settings == {"cups": 4}
    assert shelf.set_settings(ID, {"cups": None}).settings == {"cups": 2}


def test_settings_that_a_new_version_does_not_take_fall_back(shelf: Shelf, tmp_path: Path) -> None:
    install(shelf, built(tmp_path), settings={"cups": 11})
    narrower = packs_kit.description("1.3.0").replace("maximum = 12", "maximum = 6")
    done = install(shelf, built(tmp_path, files={"pack.toml": narrower}))
    assert done.settings == {"cups": 2}


def test_a_pack_that_lacks_a_setting_is_not_used(shelf: Shelf, tmp_path: Path) -> None:
    found = install(shelf, built(tmp_path, settings="[settings.token]\nsecret = true"))
    assert found.enabled and not found.usable and "token" in found.refused
    assert shelf.set_settings(ID, {"token": "x"}).usable


def test_a_pack_can_be_left_unused(shelf: Shelf, tmp_path: Path) -> None:
    install(shelf, built(tmp_path))
    assert not shelf.set_enabled(ID, False).usable
    assert not Shelf(shelf.folder).get(ID).enabled
    install(shelf, built(tmp_path, version="1.3.0"), enabled=False)
    assert shelf.set_enabled(ID, True).usable
    with pytest.raises(PackError, match="there is no pack 'tea'; installed: coffee-machine"):
        shelf.set_enabled("tea", True)


# --- the denylist ---


@pytest.mark.parametrize(
    "line", [ID, f"{ID} <1.3", f"{ID}==1.2.0", f"key {KEY.public.id}", "sha256 DIGEST"]
)
def test_what_is_denied_is_not_used_and_not_installed(
    line: str, shelf: Shelf, tmp_path: Path
) -> None:
    source = built(tmp_path)
    found = install(shelf, source)
    shelf.deny(line.replace("DIGEST", found.digest))
    (now,) = Shelf(shelf.folder).installed()
    assert not now.usable and "denylist" in now.refused
    with pytest.raises(PackError, match="denylist"):
        shelf.verify(found)
    with pytest.raises(PackError, match="denylist"):
        shelf.set_enabled(ID, True)
    with shelf.staging() as staging, pytest.raises(PackError, match="denylist"):
        packs_kit.examined(shelf, source, staging)  # nobody is asked about it


@pytest.mark.parametrize(
    "line", ["tea", f"{ID} >1.2", "key 0123456789ABCDEF", f"sha256 {'0' * 64}"]
)
def test_what_is_not_denied_is_used(line: str, shelf: Shelf, tmp_path: Path) -> None:
    install(shelf, built(tmp_path))
    shelf.deny(line)
    assert shelf.get(ID).usable


def test_a_denylist_that_cannot_be_understood_keeps_everything_out(
    shelf: Shelf, tmp_path: Path
) -> None:
    install(shelf, built(tmp_path))
    shelf.denylist.write_text("# mine\n\nall of them!\n")
    assert "denied.txt:3" in shelf.get(ID).refused
    with pytest.raises(PackError, match="is neither"):
        shelf.deny("Everything by Bob")


# --- learning its tools ---


def test_a_pack_is_asked_for_its_tools_once(tmp_path: Path) -> None:
    asked: list[str] = []

    def ask(installed: Installed) -> list[dict[str, object]]:
        shelf.verify(installed)
        asked.append(installed.pack.version)
        return [{"name": "order", "_meta": {"hearth": {"phrases": ["make coffee"]}}}]

    shelf = Shelf(tmp_path / "packs", ask)
    done = install(shelf, built(tmp_path))
    assert done.tools is not None and done.tools[0]["name"] == "order"
    assert Shelf(tmp_path / "packs").get(ID).tools == done.tools
    shelf.set_enabled(ID, False)
    shelf.set_enabled(ID, True)
    assert asked == ["1.2.0"]
    install(shelf, built(tmp_path, version="1.3.0"))
    assert asked == ["1.2.0", "1.3.0"]
    assert shelf.rollback(ID).tools is not None
    assert asked == ["1.2.0", "1.3.0"]


def test_a_pack_that_is_not_enabled_is_not_started(tmp_path: Path) -> None:
    def ask(installed: Installed) -> None:
        raise AssertionError("it was started")

    shelf = Shelf(tmp_path / "packs", ask)
    assert install(shelf, built(tmp_path), enabled=False).tools is None


def test_the_one_who_asks_may_keep_the_tools_itself(tmp_path: Path) -> None:
    def ask(installed: Installed) -> None:
        shelf.keep_tools(installed, [{"name": "order"}])

    shelf = Shelf(tmp_path / "packs", ask)
    assert install(shelf, built(tmp_path)).tools == [{"name": "order"}]
    assert shelf.get(ID).tools == [{"name": "order"}]


def test_a_pack_that_does_not_tell_its_tools_is_not_installed(tmp_path: Path) -> None:
    working = True

    def ask(installed: Installed) -> list[dict[str, object]]:
        if working:
            return []
        raise SkillError("it did not start")

    shelf = Shelf(tmp_path / "packs", ask)
    install(shelf, built(tmp_path))
    before = (shelf.folder / "state.json").read_bytes()
    working = False
    with pytest.raises(SkillError):
        install(shelf, built(tmp_path, version="1.3.0"))
    assert (shelf.folder / "state.json").read_bytes() == before
    assert shelf.get(ID).pack.version == "1.2.0"


# --- at once ---


def _deny(folder: Path, number: int) -> None:
    Shelf(folder).deny(f"pack-{number}")
    Shelf(folder).trust(f"pack-{number}", KEY.public)


def test_commands_at_once_lose_nothing_of_each_other(shelf: Shelf) -> None:
    context = multiprocessing.get_context("fork")
    running = [context.Process(target=_deny, args=(shelf.folder, n)) for n in range(8)]
    for process in running:
        process.start()
    for process in running:
        process.join(60)
    assert {process.exitcode for process in running} == {0}
    assert len(shelf.denials()) == 8 and len(shelf.keys()) == 8


def test_a_yes_to_one_pack_is_not_taken_for_another(shelf: Shelf, tmp_path: Path) -> None:
    """Somebody else updates the pack between the question and the answer."""
    install(shelf, built(tmp_path))
    with shelf.staging() as staging:
        candidate = packs_kit.examined(shelf, built(tmp_path, version="1.3.0"), staging)
        install(shelf, built(tmp_path, version="1.4.0"))
        with pytest.raises(PackError, match="by somebody else"):
            shelf.put(candidate)
    assert shelf.get(ID).pack.version == "1.4.0"


def test_what_is_changed_between_the_check_and_the_copy_is_not_kept(
    shelf: Shelf, tmp_path: Path
) -> None:
    folder = packs_kit.write(tmp_path / "pack")
    pack.sign(folder, KEY)
    candidate = shelf.examine(folder, str(folder))
    (folder / "skill.py").write_text("evil")
    with pytest.raises(PackError, match="was changed"):
        shelf.put(candidate)
    assert shelf.installed() == [] and not (shelf.folder / "state.json").exists()


def test_nothing_stays_of_what_was_refused(shelf: Shelf, tmp_path: Path) -> None:
    assert refused(shelf, built(tmp_path, key=None))
    assert list((shelf.folder / "staging").iterdir()) == []
    assert not (shelf.folder / "content").exists()


def test_the_state_can_be_read_by_a_person(shelf: Shelf, tmp_path: Path) -> None:
    install(shelf, built(tmp_path))
    tables = json.loads((shelf.folder / "state.json").read_text())
    assert [entry["key"] for entry in tables["packs"].values()] == [ID]
