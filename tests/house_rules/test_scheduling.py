"""Tests that use the shared system or the shared engines run in one group each, so that one worker starts them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import PurePosixPath
from typing import Final, NamedTuple

from tests.house_rules.sources import ROOT, python_files, read
from tests.scheduling import group_of, patterns

_SHARED: Final = ("system", "engines")
"""Session fixtures of ``tests/conftest.py`` that start processes."""


class Fixture(NamedTuple):
    """A fixture with the fixtures that it uses."""

    file: str
    uses: tuple[str, ...]
    autouse: bool


def shared_fixtures_of(path: str) -> set[str]:
    """The shared fixtures that the tests of a file use, directly or through other fixtures."""
    fixtures = _fixtures_for(path)
    pending = [
        name for function in _functions(path) if function.name.startswith("test") for name in _arguments(function)
    ]
    pending += [name for name, fixture in fixtures.items() if fixture.autouse]
    used: set[str] = set()
    while pending:
        name = pending.pop()
        if name not in used and name in fixtures:
            used.add(name)
            pending += fixtures[name].uses
    return {name for name in _SHARED if name in used and fixtures[name].file == "tests/conftest.py"}


def _fixtures_for(path: str) -> dict[str, Fixture]:
    folders = [str(folder) for folder in reversed(PurePosixPath(path).parents) if str(folder).startswith("tests")]
    files = [f"{folder}/conftest.py" for folder in folders if (ROOT / folder / "conftest.py").exists()]
    return {name: fixture for file in [*files, path] for name, fixture in _fixtures_in(file).items()}


@cache
def _fixtures_in(path: str) -> dict[str, Fixture]:
    found = {}
    for function in _functions(path):
        decorators = [ast.unparse(decorator) for decorator in function.decorator_list]
        if any("fixture" in decorator for decorator in decorators):
            autouse = any("autouse=True" in decorator for decorator in decorators)
            found[function.name] = Fixture(path, tuple(_arguments(function)), autouse)
    return found


def _functions(path: str) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    nodes = ast.walk(ast.parse(read(path)))
    return (node for node in nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def _arguments(function: ast.FunctionDef | ast.AsyncFunctionDef) -> list[str]:
    return [argument.arg for argument in (*function.args.args, *function.args.kwonlyargs)]


def _test_files() -> list[str]:
    return [path for path in python_files() if PurePosixPath(path).name.startswith("test_")]


def test_tests_of_a_shared_fixture_are_in_the_group_of_its_name() -> None:
    wanted = {path: used for path in _test_files() if (used := shared_fixtures_of(path))}
    assert wanted == {path: {group_of(path)} for path in wanted}


def test_every_pattern_of_a_group_matches_a_file() -> None:
    paths = _test_files()
    assert [pattern.pattern for pattern in patterns() if not any(pattern.match(path) for path in paths)] == []
