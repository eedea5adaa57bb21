"""The files that the house rules read, and the files that do not keep a rule yet."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
CODE: Final = ("contracts", "services", "deploy", "tests")
_MARKDOWN: Final = (".", "contracts", "services", "deploy", "docs", "tests")
_FOREIGN: Final = ("node_modules/", "static/vendor/", ".egg-info/")
_EXCEPTIONS: Final = Path(__file__).with_name("exceptions.toml")


def python_files() -> Iterator[str]:
    """Paths of all Python files of the project, relative to its root."""
    yield from _files("*.py", CODE)


def markdown_files() -> Iterator[str]:
    """Paths of all Markdown files of the project, relative to its root."""
    yield from sorted(path.name for path in ROOT.glob("*.md"))
    yield from _files("*.md", _MARKDOWN[1:])


def _files(pattern: str, folders: tuple[str, ...]) -> Iterator[str]:
    for folder in folders:
        for path in sorted((ROOT / folder).rglob(pattern)):
            relative = path.relative_to(ROOT).as_posix()
            if not any(part in relative for part in _FOREIGN):
                yield relative


@cache
def read(path: str) -> str:
    """The text of a file of the project."""
    return (ROOT / path).read_text(encoding="utf-8")


@cache
def exceptions(rule: str) -> tuple[str, ...]:
    """Patterns of the files that may break ``rule`` for now (``exceptions.toml``)."""
    return tuple(tomllib.loads(_EXCEPTIONS.read_text(encoding="utf-8")).get(rule, ()))


def is_excepted(rule: str, path: str) -> bool:
    """Whether ``path`` may break ``rule`` for now."""
    return any(fnmatchcase(path, pattern) for pattern in exceptions(rule))
