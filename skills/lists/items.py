"""Several things in one breath: 'milk, eggs and bread'."""

from __future__ import annotations

import re

from hub.skill import as_written

AND = ("and", "und", "as well as", "plus", "sowie")
TOGETHER = frozenset(
    "macaroni and cheese|mac and cheese|fish and chips|salt and pepper|peanut butter and jelly"
    "|bread and butter|ham and cheese|half and half|head and shoulders|toast and jam"
    "|rock and roll|oil and vinegar|salz und pfeffer|essig und öl|brot und butter".split("|")
)
"""What is one thing although there is an 'and' in it."""
_AND = re.compile(rf"\s+(?:{'|'.join(AND)})\s+", re.IGNORECASE)
_EDGE = re.compile(
    r"^(?:some|a|an|the|any|etwas|ein paar|eine?n?|die|der|das|den)\s+", re.IGNORECASE
)


def several(item: str, said: str, *, shopping: bool) -> list[str]:
    """The things that one item stands for. Commas are only in the sentence as it was written down
    (`said`). Of a list that is not for shopping only commas tell: 'call mom and dad' is one task.
    """
    written = as_written(item, said).replace(";", ",")
    clauses = [part.strip() for part in written.split(",")]
    listed = len(clauses) > 1
    found: list[str] = []
    for number, clause in enumerate(clauses):
        last = number == len(clauses) - 1
        if listed and (match := re.match(rf"(?:{'|'.join(AND)})\s+", clause, re.IGNORECASE)):
            clause = clause[match.end() :]
        if (shopping or (listed and last)) and clause.casefold() not in TOGETHER:
            found += _AND.split(clause)
        else:
            found.append(clause)
    kept = [_EDGE.sub("", part.strip()) or part.strip() for part in found if part.strip()]
    return list(dict.fromkeys(kept)) or [item]
