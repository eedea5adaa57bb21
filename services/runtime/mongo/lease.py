"""Leases on documents, by the database's clock: which worker may work on a document, and until when.

A document has the fields ``lease_until`` (milliseconds since 1970) and ``attempt``. Claiming a document whose lease has
expired increments ``attempt``. Every later write of the worker has the attempt in its query, so a worker that outlived
its lease changes nothing.
"""

from __future__ import annotations

from typing import Any, Final

from services.runtime.processing.jobs import LeaseLost

__all__ = ["LeaseLost", "expired", "lease_end", "next_attempt"]

_NOW: Final = {"$toLong": "$$NOW"}


def expired(prefix: str = "") -> dict[str, Any]:
    """The query for documents whose lease has expired. ``prefix`` is the path of the fields, such as ``state.``."""
    return {"$expr": {"$lte": [f"${prefix}lease_until", _NOW]}}


def lease_end(seconds: float) -> dict[str, Any]:
    """The expression for ``lease_until`` of a lease of ``seconds`` from now."""
    return {"$add": [_NOW, int(seconds * 1000)]}


def next_attempt(prefix: str = "") -> dict[str, Any]:
    """The expression for ``attempt`` of a worker that claims the document."""
    return {"$add": [f"${prefix}attempt", 1]}
