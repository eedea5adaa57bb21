"""Every file, test and item that the security pages name exists."""

from __future__ import annotations

import re
from typing import Final

import pytest

from tests.house_rules.sources import ROOT, read

_PAGES: Final = ("docs/security.md", "docs/security-asvs.md")
_FILE: Final = re.compile(
    r"`((?:contracts|deploy|docs|services|tests)/[\w./-]+|[\w.-]+\.(?:md|yml|toml|lock))(?:::(\w+))?`"
)
_SHOWN: Final = re.compile(r"`tests/|`make lint`|not a behaviour that a test shows")


def broken(text: str) -> list[str]:
    """The files and tests that a text names in backticks and that do not exist."""
    return [
        f"{path}::{test}" if test else path
        for path, test in _FILE.findall(text)
        if not (ROOT / path).exists() or (test and f"def {test}(" not in read(path))
    ]


@pytest.mark.parametrize("page", _PAGES)
def test_every_file_and_test_that_the_page_names_exists(page: str) -> None:
    text = read(page)
    assert _FILE.findall(text)
    assert broken(text) == []


def undone(table: str) -> list[str]:
    """The items of a table that are done according to it, and for which it names nothing that shows it."""
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines() if "|" in line]
    return [row[0] for row in rows if row[2] == "done" and not _SHOWN.search(row[4])]


def test_an_item_that_is_done_names_what_shows_it() -> None:
    assert undone(read("docs/security-asvs.md")) == []


def test_an_item_that_is_done_and_shown_by_nothing_is_found() -> None:
    head = "| item | requirement | state | where | shown by |\n|---|---|---|---|---|\n"
    shown = "| 1.1 | x | done | y | `tests/house_rules/test_security_pages.py` |\n| 1.2 | x | in part | y | |\n"
    assert undone(head + shown + "| 1.3 | x | done | y | not shown by a test |\n") == ["1.3"]


def test_a_missing_file_and_a_missing_test_are_found() -> None:
    text = "`tests/house_rules/absent.py` `tests/house_rules/test_security_pages.py::test_absent` `README.md`"
    assert broken(text) == ["tests/house_rules/absent.py", "tests/house_rules/test_security_pages.py::test_absent"]
