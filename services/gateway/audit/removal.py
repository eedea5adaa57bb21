"""Removes the entries of the audit log of which the API has signed that they have expired."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from services.gateway.audit.chain_writer import ENTRIES
from services.runtime.mongo.driver import Database

REMOVALS: Final = "audit_removals"


async def remove(gateway: Database, operations: Database, expired: Mapping[str, int], *, by: str, at: datetime) -> int:
    """Remove for each chain the entries up to a number. Returns how many there were.

    Who does it is recorded before it is done, and how many there were afterwards. Raises the errors of pymongo.
    """
    removals, entries = operations[REMOVALS], gateway[ENTRIES]
    what = {"by": by, "at": at.isoformat(), "through": dict(expired)}
    await removals.insert_one({**what, "state": "begun"})
    count = 0
    for chain, through in sorted(expired.items()):
        count += (await entries.delete_many({"chain": chain, "number": {"$lte": through}})).deleted_count
    await removals.insert_one({**what, "state": "done", "entries": count})
    return count
