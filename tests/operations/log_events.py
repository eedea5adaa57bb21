"""The events at warning and above that the code logs."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Final

from tests.house_rules.sources import python_files, read

LEVELS: Final = {"warning": "warning", "error": "error", "exception": "error", "critical": "critical"}
"""The methods of a logger, and the level of their lines."""
_PLACES: Final = ("services/", "deploy/backup/", "deploy/mongodb/")
_SERVICES_WITH_REQUESTS: Final = ("gateway", "portals")
_EVENT: Final = re.compile(r"[a-z_]+\.[a-z_]+")
_PARSERS: Final = ("parser", "top")
"""Of command lines: their `error` is no log line."""


class UnnamedEvent(ValueError):
    """A line whose event is no literal, so that the operations page cannot have it."""


def events() -> Mapping[str, frozenset[str]]:
    """The levels of each event."""
    found: dict[str, set[str]] = defaultdict(set)
    for path in python_files():
        if path.startswith(_PLACES):
            for level, names in _logged(path):
                for name in names:
                    found[name].add(level)
    return {name: frozenset(levels) for name, levels in found.items()}


def _logged(path: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    for node in ast.walk(ast.parse(read(path))):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
            continue
        if node.args and node.func.attr in LEVELS:
            yield LEVELS[node.func.attr], tuple(_names(path, node.func.value, node.args[0]))


def _names(path: str, receiver: ast.expr, event: ast.expr) -> Iterator[str]:
    if isinstance(event, ast.Constant) and _EVENT.fullmatch(str(event.value)):
        yield str(event.value)
    elif isinstance(event, ast.Attribute) and event.attr == "_failure_event":  # of the request middleware
        yield from (f"{service}.request_failed" for service in _SERVICES_WITH_REQUESTS)
    elif not (isinstance(receiver, ast.Name) and receiver.id in _PARSERS):
        raise UnnamedEvent(f"{path}:{event.lineno}")
