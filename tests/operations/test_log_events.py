"""Every event at warning and above is in the operations page, with its levels, its meaning and what to do."""

from __future__ import annotations

import re
from typing import Final

from tests.house_rules.sources import read
from tests.operations.log_events import events

_ROW: Final = re.compile(r"^\| `([a-z_]+\.[a-z_]+)` \| ([a-z, ]+) \| (.+) \| (.+) \|$", re.MULTILINE)


def table() -> str:
    page = read("docs/operations.md")
    return page[page.index("\n## Log lines\n") :].split("\n## ")[1]


def test_the_table_of_events_is_that_of_the_code() -> None:
    written = {name: frozenset(levels.split(", ")) for name, levels, _, _ in _ROW.findall(table())}
    assert written == events()


def test_an_event_has_one_row_and_the_rows_are_in_order() -> None:
    names = [row[0] for row in _ROW.findall(table())]
    assert names == sorted(set(names))
