"""The audit log: one entry for each read or change of one person's data. Entries are only added.

It cannot be rebuilt from the topics: no event records a read. Its entries are signed (``signer.py``), so that a change
of one is found (``check.py``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple, Protocol

from frikort_contracts.http.roles import Role
from pymongo import ASCENDING, DESCENDING, IndexModel

from services.gateway.audit.chain import PLACE
from services.gateway.audit.chain_writer import ENTRIES, ChainWriter
from services.gateway.ordering import LAST, moment_of
from services.runtime.batched_calls import BatchedCalls
from services.runtime.mongo.document_store import Database, add_all

NO_MATCH: Final = "nobody"
"""The subject of a search without a match. Its entry makes the search take as long as one with a match."""


def of_card(card_id: str) -> str:
    """The subject of entries about the person with this card."""
    return f"card:{card_id}"


def of_person(cpr_hash: str) -> str:
    """The subject of entries about a person whose card was not read."""
    return f"person:{cpr_hash}"


def of_extract(extract_id: str) -> str:
    """The subject of entries about all persons in one extract."""
    return f"extract:{extract_id}"


def of_year(year: int, municipality: str | None) -> str:
    """The subject of a requested extract: all persons with earnings in ``year`` (and in ``municipality``)."""
    return f"year:{year}" if municipality is None else f"year:{year}:{municipality}"


@dataclass(frozen=True, slots=True)
class Access:
    """One entry. ``order`` is unique and sorts by time. ``own``: the person acted on their own data.

    ``organisation`` is what the caller acts for (a citizen's is their CPR hash), ``actor`` an opaque id, ``request``
    the correlation id. ``refused``: nothing was shown or changed.
    """

    order: str
    subject: str
    own: bool
    action: str
    refused: bool
    role: Role
    organisation: str
    actor: str
    reason: str | None
    request: str

    @property
    def at(self) -> datetime:
        """The time, UTC."""
        return moment_of(self.order)


class Span(NamedTuple):
    """The entries of ``subject`` from ``since`` until before ``until`` (stamps)."""

    subject: str
    since: str = ""
    until: str = LAST


class AuditLog(Protocol):
    """Stores entries. It raises the errors of pymongo; then no response may be sent."""

    async def prepare(self) -> None:
        """Create the indexes."""
        ...

    async def add(self, accesses: Sequence[Access]) -> None:
        """Add entries with majority concern. An entry whose ``order`` exists is left unchanged."""
        ...

    async def latest(self, spans: Sequence[Span], *, own: bool, before: str | None, limit: int) -> list[Access]:
        """The newest ``limit`` entries of ``spans`` before the order ``before``. ``own`` includes the person's own."""
        ...


class MongoAuditLog:
    """The audit log in MongoDB."""

    def __init__(self, database: Database, chain: ChainWriter) -> None:
        self._accesses = database[ENTRIES]
        self._chain = chain
        self._batched_add = BatchedCalls(self._add)

    async def prepare(self) -> None:
        await self._accesses.create_indexes(
            [IndexModel([("subject", ASCENDING), ("own", ASCENDING), ("_id", DESCENDING)])]
        )

    async def add(self, accesses: Sequence[Access]) -> None:
        if accesses:
            await self._batched_add(accesses)

    async def latest(self, spans: Sequence[Span], *, own: bool, before: str | None, limit: int) -> list[Access]:
        found = self._accesses.find(query(spans, own=own, before=before)).sort("_id", DESCENDING).limit(limit)
        return [_access_of(stored) for stored in await found.to_list(None)]

    async def _add(self, several: Sequence[Sequence[Access]]) -> list[None]:
        entries = [_stored_of(access) for accesses in several for access in accesses]
        async with self._chain.places(len(entries)) as places:
            await add_all(self._accesses, [entry | place for entry, place in zip(entries, places, strict=True)])
        return [None] * len(several)


def query(spans: Sequence[Span], *, own: bool, before: str | None) -> dict[str, Any]:
    """The query: every branch is a range of the index, so MongoDB merges them without sorting."""
    return {
        "$or": [
            {
                "subject": span.subject,
                "own": whose,
                "_id": {"$gte": span.since, "$lt": min(span.until, before or LAST)},
            }
            for span in spans
            for whose in ((False, True) if own else (False,))
        ]
    }


def _stored_of(access: Access) -> dict[str, Any]:
    return {
        "_id": access.order,
        "subject": access.subject,
        "own": access.own,
        "action": access.action,
        "refused": access.refused,
        "role": access.role.value,
        "organisation": access.organisation,
        "actor": access.actor,
        "reason": access.reason,
        "request": access.request,
    }


def _access_of(stored: Mapping[str, Any]) -> Access:
    fields = {name: value for name, value in stored.items() if name not in ("_id", *PLACE)}
    return Access(order=stored["_id"], **fields | {"role": Role(stored["role"])})
