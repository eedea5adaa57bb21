"""The decision record on rules names the function of each rule, and every name exists."""

from __future__ import annotations

import re
from typing import Final

from tests.house_rules.sources import read

RECORD: Final = "docs/decisions/0009-rules-decided-here.md"
_PLACE: Final = re.compile(r"`([a-z_/]+\.py)`((?:,? `[A-Za-z_.]+`)*)")


def names_of(row: str) -> list[tuple[str, str]]:
    """The files that a row of the table names, each with its functions or classes."""
    return [
        (path, name.rpartition(".")[2])
        for path, names in _PLACE.findall(row)
        for name in re.findall(r"`([A-Za-z_.]+)`", names)
    ]


def test_every_function_that_the_record_names_exists() -> None:
    named = names_of(read(RECORD))
    assert len(named) >= 20
    missing = [
        (path, name)
        for path, name in named
        if not re.search(rf"^ *(?:async )?(?:def|class) {name}\b", read(path), re.M)
    ]
    assert missing == []


def test_names_after_a_file_belong_to_it() -> None:
    row = "| a rule | `services/a.py` `Card.issue`, `check`; `services/b.py` `find` |"
    assert names_of(row) == [("services/a.py", "issue"), ("services/a.py", "check"), ("services/b.py", "find")]
