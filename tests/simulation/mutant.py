"""A defect that a change could introduce."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

Patch = Callable[[], AbstractContextManager[Any]]


@dataclass(frozen=True)
class Mutant:
    """One way to break the system. One of the first ``within`` seeds detects it, with ``citizens`` if given.

    The seed ``first`` is tried before the others: it has detected the mutant. A change of the code can end that.

    ``found_by`` is what the violation must say; any does if it is empty.
    """

    name: str
    what: str
    patch: Patch
    within: int = 20
    first: int = 0
    found_by: str = ""
    citizens: int | None = None


def replaced(target: Any, attribute: str, instead: Any) -> Patch:
    """A patch that puts ``instead`` in the place of an attribute."""
    return lambda: patch.object(target, attribute, instead)
