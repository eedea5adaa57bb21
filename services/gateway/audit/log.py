"""The audit log: one entry for each read or change of one person's data. Entries are only added.

It cannot be rebuilt from the topics: no event records a read. Its entries are signed (``signer.py``), so that a change
of one is found (``check.py``).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from typing import Any, Final, NamedTuple, Protocol

from frikort_contracts.http.roles import Role
from frikort_contracts.months import Months
from pymongo import ASCENDING, DESCENDING, IndexModel

from services.gateway.audit.chain_writer import ENTRIES, ChainWriter
from services.gateway.ordering import LAST, moment_of
from services.runtime.batched_calls import BatchedCalls
from services.runtime.mongo.document_store import add_all
from services.runtime.mongo.driver import Database

NO_MATCH: Final = "nobody"
"""The subject of a search without a match. Its entry makes the search take as long as one with a match."""


WHOLE_LOG: Final = "log"
"""The subject of an auditor's search that names no person."""


def of_card(card_id: str) -> str:
    """The subject of entries about the person with this card."""
    return f"card:{card_id}"


def of_person(cpr_hash: str) -> str:
    """The subject of entries about a person whose card was not read."""
    return f"person:{cpr_hash}"


def of_extract(extract_id: str) -> str:
    """The subject of entries about all persons in one extract."""
    return f"extract:{extract_id}"


def of_year(year: int, of: str | None) -> str:
    """The subject of a requested extract: all persons with earnings in ``year``.

    ``of``: those of a municipality (three digits), or those with reports of an employer (eight digits).
    """
    return f"year:{year}" if of is None else f"year:{year}:{of}"


def of_month(month: str, of: str | None) -> str:
    """The subject of a requested extract of a period: all persons who were paid in ``month``; ``of`` as for a year."""
    return f"month:{month}" if of is None else f"month:{month}:{of}"


def everyone_in(year: int | None, period: Months | None, of: str | None) -> list[str]:
    """The subjects of an extract of a period, one for each month, or else of a year; ``of`` as for a year."""
    if period is not None:
        return [of_month(month, of) for month in period.names]
    return [] if year is None else [of_year(year, of)]


@dataclass(frozen=True, slots=True)
class Access:
    """One entry. ``order`` is unique and sorts by time. ``own``: the person acted on their own data.

    ``organisation`` is what the caller acts for (a citizen's is their CPR hash), ``actor`` an opaque id, ``request``
    the correlation id. ``refused``: nothing was shown or changed. ``command``: the id of the command that was about to
    be sent; its outcome tells whether it was refused. ``own_person``: a caseworker acted on their own data.
    ``person``: the CPR hash of the person, if it is known when the entry is written; it is not stored.
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
    command: str | None = None
    own_person: bool = False
    person: str | None = field(default=None, compare=False)

    @property
    def at(self) -> datetime:
        """The time, UTC."""
        return moment_of(self.order)


_STORED: Final = frozenset(one.name for one in fields(Access)) - {"order", "person"}


class Reasons(Protocol):
    """Encrypts the reasons in entries, and finds them by a hash."""

    async def people_of(self, accesses: Iterable[Access]) -> Mapping[str, str]:
        """The CPR hash of the person of each subject that has one. Raises the errors of producer and pymongo."""
        ...

    def encrypt_reason(self, reason: str, order: str, cpr_hash: str | None) -> str:
        """The reason of the entry with this order, encrypted with a key of the person, if there is one."""
        ...

    def decrypt_reason(self, ciphertext: str, order: str) -> str | None:
        """A decrypted reason; None if it was erased with the person. Raises ``NotYetKnown``."""
        ...

    def reason_hashes(self, reason: str) -> tuple[str, ...]:
        """The hashes of a reason under all keys, first the one that is stored."""
        ...


class Span(NamedTuple):
    """The entries of ``subject`` from ``since`` until before ``until`` (stamps)."""

    subject: str
    since: str = ""
    until: str = LAST


class Criteria(NamedTuple):
    """What an auditor searches for; None: anything. ``spans``: the entries about a person."""

    spans: Sequence[Span] | None = None
    role: Role | None = None
    organisation: str | None = None
    actor: str | None = None
    reason: str | None = None
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

    async def search(self, criteria: Criteria, *, before: str | None, limit: int) -> list[Access]:
        """The newest ``limit`` entries with these criteria before the order ``before``."""
        ...


class MongoAuditLog:
    """The audit log in MongoDB. A process without ``reasons`` writes entries without a reason only."""

    def __init__(self, database: Database, chain: ChainWriter, reasons: Reasons | None) -> None:
        self._accesses = database[ENTRIES]
        self._chain = chain
        self._reasons = reasons
        self._batched_add = BatchedCalls(self._add)

    async def prepare(self) -> None:
        await self._accesses.create_indexes(
            [
                IndexModel([("subject", ASCENDING), ("own", ASCENDING), ("_id", DESCENDING)]),
                IndexModel([("organisation", ASCENDING), ("_id", DESCENDING)]),
                IndexModel([("actor", ASCENDING), ("_id", DESCENDING)]),
                # Few entries state a reason: those of caseworkers and auditors. The first ones have it in the clear.
                *(
                    IndexModel([(name, ASCENDING), ("_id", DESCENDING)], partialFilterExpression={name: {"$gt": ""}})
                    for name in ("reason", "reason_hash")
                ),
            ]
        )

    async def add(self, accesses: Sequence[Access]) -> None:
        if accesses:
            await self._batched_add(await self._with_people(accesses))

    async def latest(self, spans: Sequence[Span], *, own: bool, before: str | None, limit: int) -> list[Access]:
        return await self._newest(query(spans, own=own, before=before), limit)

    async def search(self, criteria: Criteria, *, before: str | None, limit: int) -> list[Access]:
        if criteria.spans is not None and not criteria.spans:
            return []
        stated = criteria.reason
        hashes = () if stated is None or self._reasons is None else self._reasons.reason_hashes(stated)
        return await self._newest(search_query(criteria, before=before, reason_hashes=hashes), limit)

    async def _newest(self, wanted: Mapping[str, Any], limit: int) -> list[Access]:
        found = self._accesses.find(wanted).sort("_id", DESCENDING).limit(limit)
        return [self._access_of(stored) for stored in await found.to_list(None)]

    def _access_of(self, stored: Mapping[str, Any]) -> Access:
        access, ciphertext = access_of(stored), stored.get("reason_ciphertext")
        if ciphertext is None or self._reasons is None:
            return access
        return replace(access, reason=self._reasons.decrypt_reason(ciphertext, access.order))

    async def _add(self, several: Sequence[Sequence[Access]]) -> list[None]:
        entries = [self._stored_of(access) for accesses in several for access in accesses]
        async with self._chain.places(len(entries)) as places:
            await add_all(self._accesses, [entry | place for entry, place in zip(entries, places, strict=True)])
        return [None] * len(several)

    async def _with_people(self, accesses: Sequence[Access]) -> Sequence[Access]:
        """The entries, those with a reason with their persons: before they share a write with those of others."""
        stated = [access for access in accesses if access.reason is not None]
        if not stated or self._reasons is None:
            return accesses
        people = await self._reasons.people_of(stated)
        return [
            access if access.reason is None else replace(access, person=people.get(access.subject))
            for access in accesses
        ]

    def _stored_of(self, access: Access) -> dict[str, Any]:
        stored, reason = _stored_of(access), access.reason
        if reason is None:
            return stored
        if self._reasons is None:
            raise LookupError("this process has no keys to encrypt a reason")
        return {
            **stored,
            "reason_ciphertext": self._reasons.encrypt_reason(reason, access.order, access.person),
            "reason_hash": self._reasons.reason_hashes(reason)[0],
        }


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


def search_query(criteria: Criteria, *, before: str | None, reason_hashes: Sequence[str] = ()) -> dict[str, Any]:
    """The query of a search: with a person, ranges of the person's index; else a range of the time."""
    until = min(criteria.until, before or LAST)
    names = ("role", "organisation", "actor")
    wanted = {name: value for name in names if (value := getattr(criteria, name)) is not None}
    if criteria.spans is None:
        places: list[dict[str, Any]] = [{"_id": {"$gte": criteria.since, "$lt": until}}]
    else:
        spans = [Span(one.subject, max(one.since, criteria.since), min(one.until, until)) for one in criteria.spans]
        places = query(spans, own=True, before=None)["$or"]
    stated: list[dict[str, Any]] = [{}]
    if criteria.reason is not None:
        stated = [{"reason": criteria.reason}, *({"reason_hash": one} for one in reason_hashes)]
    branches = [{**wanted, **place, **one} for place in places for one in stated]
    return branches[0] if len(branches) == 1 else {"$or": branches}


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
        "reason": None,
        "request": access.request,
        "command": access.command,
        "own_person": access.own_person,
    }


def access_of(stored: Mapping[str, Any]) -> Access:
    """An entry as it is stored, without an encrypted reason. A later release may have added fields."""
    known = {name: stored[name] for name in _STORED if name in stored}
    return Access(order=stored["_id"], **known | {"role": Role(stored["role"])})
