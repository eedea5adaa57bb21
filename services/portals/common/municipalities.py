"""The municipalities as people look for them."""

from __future__ import annotations

from functools import cache
from typing import Final

from frikort_contracts.municipalities import MUNICIPALITIES

_AFTER_Z: Final = str.maketrans("æøå", "{|}")  # which come after z, in this order


@cache
def by_name() -> tuple[tuple[str, str], ...]:
    """(code, name) of each, in Danish order: æ, ø and å come last, and aa is å."""
    return tuple(sorted(MUNICIPALITIES.items(), key=lambda item: _danish(item[1])))


def _danish(name: str) -> str:
    return name.lower().replace("aa", "å").translate(_AFTER_Z)
