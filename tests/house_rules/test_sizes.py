"""Sizes: a module can be read in one sitting, and a package has one subject."""

from __future__ import annotations

from collections import Counter
from pathlib import PurePosixPath
from typing import Final

from tests.house_rules.sources import is_excepted, python_files, read

MODULE_LINES: Final = 400
TEST_LINES: Final = 600
PACKAGE_LINES: Final = 3_000


def limit_of(path: str) -> int:
    """The most lines that the file at ``path`` may have."""
    return TEST_LINES if PurePosixPath(path).name.startswith("test_") else MODULE_LINES


def sub_package_of(path: str) -> str | None:
    """The part of a service that a module belongs to: ``services/gateway/api``, or ``services/gateway`` itself."""
    parts = PurePosixPath(path).parts
    return "/".join(parts[: min(3, len(parts) - 1)]) if parts[0] == "services" and len(parts) > 2 else None


def _lines(path: str) -> int:
    return read(path).count("\n")


def test_no_file_is_too_long() -> None:
    too_long = {path: _lines(path) for path in python_files() if _lines(path) > limit_of(path)}
    assert {path: lines for path, lines in too_long.items() if not is_excepted("sizes", path)} == {}


def test_no_part_of_a_service_is_too_large() -> None:
    lines: Counter[str] = Counter()
    for path in python_files():
        if (package := sub_package_of(path)) is not None:
            lines[package] += _lines(path)
    too_large = {package: total for package, total in lines.items() if total > PACKAGE_LINES}
    assert {package: total for package, total in too_large.items() if not is_excepted("sizes", package)} == {}


def test_modules_of_a_service_are_counted_apart_from_its_sub_packages() -> None:
    assert sub_package_of("services/gateway/api/cards.py") == "services/gateway/api"
    assert sub_package_of("services/portals/citizen/pages/front.py") == "services/portals/citizen"
    assert sub_package_of("services/balance/ledger.py") == "services/balance"
    assert sub_package_of("tests/balance/build.py") is None
    assert sub_package_of("services/__init__.py") is None


def test_tests_may_be_longer_than_modules() -> None:
    assert limit_of("tests/balance/test_processor.py") == TEST_LINES
    assert limit_of("tests/balance/build.py") == limit_of("services/balance/ledger.py") == MODULE_LINES
