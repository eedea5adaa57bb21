"""JSON of clients: UTF-8, no name twice in an object, and few names: each unknown one costs an error message."""

from __future__ import annotations

import json
from typing import Any, Final

MEMBERS_MOST: Final = 50
"""The most members of one object. The largest request has a third of it."""


class TooManyMembers(ValueError):
    """An object has more than ``MEMBERS_MOST`` members."""


class RepeatedMember(ValueError):
    """An object has a member twice. ``path`` is the place of the member in the value."""

    def __init__(self, path: tuple[str | int, ...]) -> None:
        super().__init__("the member is repeated")
        self.path = path


class _Repeating(dict[str, Any]):
    """An object with a repeated member."""

    name = ""


def parse(text: bytes | str) -> Any:
    """The value of a JSON text in UTF-8 without a byte order mark. Raises ``ValueError`` and ``RecursionError``."""
    found: list[_Repeating] = []

    def build(members: list[tuple[str, Any]]) -> dict[str, Any]:
        if len(members) > MEMBERS_MOST:
            raise TooManyMembers(f"more than {MEMBERS_MOST} members")
        value = dict(members)
        if len(value) == len(members):
            return value
        repeating = _Repeating(value)
        repeating.name = next(name for place, (name, _) in enumerate(members) if name in dict(members[:place]))
        found.append(repeating)
        return repeating

    decoded = text.decode() if isinstance(text, bytes) else text
    value = json.loads(decoded, object_pairs_hook=build)
    if found:
        raise RepeatedMember(_path_of_repeated(value))
    return value


def _path_of_repeated(value: Any) -> tuple[str | int, ...]:
    """The path of a repeated member, outermost first: an object inside a repeated member may be lost."""
    level: list[tuple[tuple[str | int, ...], Any]] = [((), value)]
    while level:
        for path, one in level:
            if isinstance(one, _Repeating):
                return (*path, one.name)
        level = [((*path, step), inner) for path, one in level for step, inner in _members(one)]
    raise LookupError("no object has a repeated member")


def _members(value: Any) -> list[tuple[str | int, Any]]:
    if isinstance(value, dict):
        return list(value.items())
    return list(enumerate(value)) if isinstance(value, list) else []
