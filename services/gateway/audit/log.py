"""The access log: one line for each look at one person's data. Lines are added and never changed or deleted.

It is the gateway's own and cannot be built anew from the topics: nobody else knows who has looked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple, Protocol

from pymongo import ASCENDING, DESCENDING, IndexModel

from services.gateway.auth import Role
from services.runtime.batched_calls import BatchedCalls
from services.runtime.mongo.document_store import Database, add_all

_EVER: Final = "9999"

NOBODY: Final = "nobody"
"""The subject of a search that found nobody: it costs the same time as one that did."""


def of_card(card_id: str) -> str:
    """The subject of what concerns the person with this card."""
    return f"card:{card_id}"


def of_person(cpr_hash: str) -> str:
    """The subject of what concerns a person whose card, if any, was not seen."""
    return f"person:{cpr_hash}"


def of_extract(extract_id: str) -> str:
    """The subject of what concerns everybody in one extract."""
    return f"extract:{extract_id}"


def of_year(year: int, municipality: str | None) -> str:
    """The subject of an extract's being drawn: everybody with earnings in ``year`` (and in ``municipality``)."""
    return f"year:{year}" if municipality is None else f"year:{year}:{municipality}"


def stamp(moment: datetime) -> str:
    """``moment`` as a text that sorts by time; a line's ``order`` begins with it."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


@dataclass(frozen=True, slots=True)
class Access:
    """One line. ``order`` is unique and sorts by time; ``subject`` says whose data; ``own`` that it was the person.

    ``organisation`` is what the caller acts for (a citizen's is their CPR hash), ``actor`` an opaque id, ``request``
    the correlation id. ``refused``: nothing was shown or changed.
    """

    order: str
    subject: str
    own: bool
    act: str
    refused: bool
    role: Role
    organisation: str
    actor: str
    reason: str | None
    request: str

    @property
    def at(self) -> datetime:
        """When, UTC."""
        return datetime.fromisoformat(self.order.partition("|")[0])


class Span(NamedTuple):
    """The lines of ``subject`` from ``since`` until before ``until`` (stamps)."""

    subject: str
    since: str = ""
    until: str = _EVER


class AccessLog(Protocol):
    """Where the lines are kept. Its errors are those of pymongo; then no answer may leave."""

    async def prepare(self) -> None:
        """Make what the lines need."""
        ...

    async def add(self, accesses: Sequence[Access]) -> None:
        """Add lines durably on a majority. One that is there already (the same ``order``) stays as it is."""
        ...

    async def latest(self, spans: Sequence[Span], *, own: bool, before: str | None, limit: int) -> list[Access]:
        """The newest ``limit`` lines of ``spans`` before the order ``before``; those that are ``own`` only if asked."""
        ...


class MongoAccessLog:
    """The access log in MongoDB."""

    def __init__(self, database: Database) -> None:
        self._accesses = database["accesses"]
        self._together_add = BatchedCalls(self._add)

    async def prepare(self) -> None:
        await self._accesses.create_indexes(
            [IndexModel([("subject", ASCENDING), ("own", ASCENDING), ("_id", DESCENDING)])]
        )

    async def add(self, accesses: Sequence[Access]) -> None:
        if accesses:
            await self._together_add(accesses)

    async def latest(self, spans: Sequence[Span], *, own: bool, before: str | None, limit: int) -> list[Access]:
        found = self._accesses.find(query(spans, own=own, before=before)).sort("_id", DESCENDING).limit(limit)
        return [_access_of(stored) for stored in await found.to_list(None)]

    async def _add(self, several: Sequence[Sequence[Access]]) -> list[None]:
        await add_all(self._accesses, [_stored_of(access) for accesses in several for access in accesses])
        return [None] * len(several)


def query(spans: Sequence[Span], *, own: bool, before: str | None) -> dict[str, Any]:
    """A condition of which every branch is a range of the index, so that MongoDB merges them and sorts nothing."""
    return {
        "$or": [
            {
                "subject": span.subject,
                "own": whose,
                "_id": {"$gte": span.since, "$lt": min(span.until, before or _EVER)},
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
        "act": access.act,
        "refused": access.refused,
        "role": access.role.value,
        "organisation": access.organisation,
        "actor": access.actor,
        "reason": access.reason,
        "request": access.request,
    }


def _access_of(stored: Mapping[str, Any]) -> Access:
    fields = {name: value for name, value in stored.items() if name != "_id"}
    return Access(order=stored["_id"], **fields | {"role": Role(stored["role"])})
