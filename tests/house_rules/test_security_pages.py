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


def test_a_missing_file_and_a_missing_test_are_found() -> None:
    text = "`tests/house_rules/absent.py` `tests/house_rules/test_security_pages.py::test_absent` `README.md`"
    assert broken(text) == ["tests/house_rules/absent.py", "tests/house_rules/test_security_pages.py::test_absent"]
