"""JSON of clients, with a limit on the members of an object: each unknown member costs an error message."""

from __future__ import annotations

import json
from typing import Any, Final

MEMBERS_MOST: Final = 50
"""The most members of one object. The largest request has a third of it."""


class TooManyMembers(ValueError):
    """An object has more than ``MEMBERS_MOST`` members."""


def parse(text: bytes | str) -> Any:
    """The value of a JSON text in UTF-8. Raises ``ValueError`` and ``RecursionError``."""
    decoded = text.decode() if isinstance(text, bytes) else text
    return json.loads(decoded, object_pairs_hook=_object)


def _object(members: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(members) > MEMBERS_MOST:
        raise TooManyMembers(f"more than {MEMBERS_MOST} members")
    return dict(members)
