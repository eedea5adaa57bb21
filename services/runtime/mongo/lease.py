"""Leases on documents, by the database's clock: which worker may work on a document, and until when.

A document has the fields ``lease_until`` (milliseconds since 1970) and ``attempt``. Claiming a document whose lease has
expired increments ``attempt``. Every later write of the worker has the attempt in its query, so a worker that outlived
its lease changes nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, Final

from pymongo.errors import PyMongoError

from services.runtime.processing.jobs import LeaseLost

__all__ = ["LeaseLost", "expired", "lease_end", "next_attempt", "renewed"]

_NOW: Final = {"$toLong": "$$NOW"}
_RENEWALS_OF_A_LEASE: Final = 4


@asynccontextmanager
async def renewed(renew: Callable[[], Awaitable[object]], *, lease: float) -> AsyncIterator[None]:
    """Call ``renew`` several times in each ``lease`` seconds within the context, however long a step of the work takes.

    When ``renew`` raises ``LeaseLost``, the work in the context is cancelled, and the context raises ``LeaseLost``.
    """
    try:
        async with asyncio.TaskGroup() as tasks:
            renewing = tasks.create_task(_repeat(renew, lease / _RENEWALS_OF_A_LEASE))
            yield
            renewing.cancel()
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from None  # that of ``renew``, or else that of the work


async def _repeat(renew: Callable[[], Awaitable[object]], seconds: float) -> None:
    while True:
        await asyncio.sleep(seconds)
        with contextlib.suppress(PyMongoError):  # tried again
            await renew()


def expired(prefix: str = "") -> dict[str, Any]:
    """The query for documents whose lease has expired. ``prefix`` is the path of the fields, such as ``state.``."""
    return {"$expr": {"$lte": [f"${prefix}lease_until", _NOW]}}


def lease_end(seconds: float) -> dict[str, Any]:
    """The expression for ``lease_until`` of a lease of ``seconds`` from now."""
    return {"$add": [_NOW, int(seconds * 1000)]}


def next_attempt(prefix: str = "") -> dict[str, Any]:
    """The expression for ``attempt`` of a worker that claims the document."""
    return {"$add": [f"${prefix}attempt", 1]}
