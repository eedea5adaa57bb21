"""Cursor pages over lists sorted by ``order``. The cursor is the order at which the previous page ended."""

from __future__ import annotations

import binascii
from base64 import b64decode, urlsafe_b64encode
from typing import Annotated, Any, Final, Protocol, TypeVar

from fastapi import Query

from services.gateway.audit.context import current_audit
from services.gateway.problems import ProblemError

DEFAULT_LIMIT: Final = 100
MOST: Final = 500


class Ordered(Protocol):
    """An entry of a list with pages."""

    @property
    def order(self) -> str: ...


Entry = TypeVar("Entry", bound=Ordered)

Limit = Annotated[int, Query(ge=1, le=MOST, description="Most entries on the page.")]
Cursor = Annotated[str, Query(max_length=400, pattern="^[A-Za-z0-9_-]*$", description="`next` of the page before.")]
Newest = Annotated[bool, Query(description="The newest first.")]


def after(cursor: str, *, newest: bool = False) -> dict[str, Any]:
    """The query for the entries after ``cursor`` in a list with the oldest or the ``newest`` first.

    Entries without an order are left out.
    """
    if newest and (order := before(cursor)) is not None:
        return {"order": {"$lt": order}}
    return {"order": {"$gt": "" if newest else order_in(cursor)}}


def before(cursor: str) -> str | None:
    """For a list with the newest first: the order before which the page begins; None for the first page."""
    return order_in(cursor) or None


def order_in(cursor: str) -> str:
    """The order at which the previous page ended, empty for the first page. Raises ``ProblemError``."""
    try:
        return b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode()
    except (binascii.Error, UnicodeDecodeError, ValueError):
        raise ProblemError("invalid-request", errors=[("query:/cursor", "value_error", "not a cursor")]) from None


def page(found: list[Entry], limit: int) -> tuple[list[Entry], str | None]:
    """The page, and the cursor of the next, from one more than ``limit`` entries. The extra entry is not audited."""
    shown = found[:limit]
    for unseen in found[limit:]:
        current_audit().discard_state(unseen)
    if len(found) <= limit:
        return shown, None
    return shown, cursor_of(shown[-1].order)


def cursor_of(order: str) -> str:
    """The cursor of the page that starts after ``order``."""
    return urlsafe_b64encode(order.encode()).decode().rstrip("=")
