"""What the comparison of a document with the topics says."""

from __future__ import annotations

from typing import Any, Generic, NamedTuple, TypeVar

S = TypeVar("S", bound=Any)


class Verdict(NamedTuple, Generic[S]):
    """What should be in place. ``state`` None: nothing, because no record on the topics is about it.

    ``is_same``: what is in place is right. ``must_publish``: what was published is not.
    """

    state: S | None
    is_same: bool
    must_publish: bool = False


class Unexplained(RuntimeError):
    """A document says what no record on the topics explains, and it cannot be corrected from them."""
