"""Follows the entries of the audit log, and publishes what is unusual about them.

One instance of the API at a time follows all chains, up to their last signed entry. A finding is stored under an id
that follows from what was found, and published from there: an entry that is evaluated twice adds nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

import structlog
from frikort_contracts.audit_log import UnusualAccess
from frikort_contracts.cloudevents import Envelope, encode
from frikort_contracts.http.roles import Role
from frikort_contracts.topics import source_of
from prometheus_client import Gauge
from pymongo import ASCENDING

from services.gateway.audit import unusual
from services.gateway.audit.chain_writer import CHAINS, ENTRIES
from services.gateway.audit.log import Access, access_of
from services.gateway.audit.unusual import DAY, LOOK_UPS, WINDOW, Finding, Limits
from services.gateway.ordering import stamp
from services.runtime.mongo.driver import Database
from services.runtime.mongo.instance_lock import InstanceLock
from services.runtime.processing.producer import Producer
from services.runtime.service import Runtime
from services.runtime.uninterrupted import uninterrupted

logger = structlog.get_logger(__name__)

FINDINGS: Final = "unusual_accesses"
_MOST_ENTRIES: Final = 2000
_SHOWN_FOR: Final = timedelta(days=1)
_SOURCE: Final = source_of("gateway")
_RULES: Final[tuple[unusual.Rule, ...]] = ("many-people", "own-person", "odd-hours", "many-readers")

_UNUSUAL: Final = Gauge(
    "frikort_unusual_accesses", "Findings of unusual look-ups in the last 24 hours, by rule.", ["rule"]
)
for _rule in _RULES:
    _UNUSUAL.labels(_rule)


class AccessWatcher:
    """Evaluates the entries of all chains. Give ``run`` to the process as a background task."""

    def __init__(self, database: Database, producer: Producer, limits: Limits, *, interval: float) -> None:
        self._chains = database[CHAINS]
        self._entries = database[ENTRIES]
        self._findings = database[FINDINGS]
        self._producer = producer
        self._limits = limits
        self._interval = interval

    async def prepare(self) -> None:
        """Create the indexes by which chains with new entries and findings that are not published are found."""
        await self._chains.create_index("unwatched", partialFilterExpression={"unwatched": True})
        await self._findings.create_index("unpublished", partialFilterExpression={"unpublished": True})
        await self._findings.create_index([("found_at", ASCENDING)])

    async def run(self, runtime: Runtime) -> None:
        """Follow the entries until the process stops."""
        async with InstanceLock(runtime.database, "access-watcher") as lock:
            while not runtime.stopping.is_set():
                await lock.run(self.follow)
                await self.show()
                await asyncio.sleep(self._interval)

    async def follow(self) -> None:
        """Evaluate what was signed since the last time, and publish what was found."""
        for chain in await self._chains.find({"unwatched": True}).to_list(None):
            await self._follow(chain)
        for stored in await self._findings.find({"unpublished": True}).to_list(None):
            await uninterrupted(self._publish(stored))

    async def _publish(self, stored: Mapping[str, Any]) -> None:
        await self._producer.publish([encode(_event(stored))])
        await self._findings.update_one({"_id": stored["_id"]}, {"$unset": {"unpublished": True}})

    async def show(self) -> None:
        """Set the metrics by the findings of all instances."""
        since = (datetime.now(UTC) - _SHOWN_FOR).isoformat()
        counts = dict.fromkeys(_RULES, 0)
        async for stored in self._findings.find({"found_at": {"$gte": since}}, {"rule": 1}):
            counts[stored["rule"]] += 1
        for rule, count in counts.items():
            _UNUSUAL.labels(rule).set(count)

    async def _follow(self, chain: Mapping[str, Any]) -> None:
        watched, signed = chain.get("watched", 0), chain["signed"]
        while watched < signed:
            upto = min(signed, watched + _MOST_ENTRIES)
            query = {"chain": chain["_id"], "number": {"$gt": watched, "$lte": upto}, **_look_ups()}
            await self._evaluate([access_of(stored) for stored in await self._entries.find(query).to_list(None)])
            await self._chains.update_one({"_id": chain["_id"]}, {"$max": {"watched": upto}})
            watched = upto
        # The chain of a process that has ended gets no more entries.
        done = {"_id": chain["_id"], "open": False, "signed": watched}
        await self._chains.update_one(done, {"$unset": {"unwatched": True}})

    async def _evaluate(self, entries: Sequence[Access]) -> None:
        findings = [*unusual.own_person(entries), *unusual.odd_hours(entries, self._limits)]
        by_caseworker: dict[tuple[str, str], list[Access]] = {}
        by_person: dict[str, list[Access]] = {}
        for entry in filter(unusual.is_look_up, entries):
            by_caseworker.setdefault((entry.organisation, entry.actor), []).append(entry)
            by_person.setdefault(entry.subject, []).append(entry)
        for (organisation, actor), of_one in by_caseworker.items():
            around = await self._around(of_one, WINDOW, actor=actor, organisation=organisation)
            findings += unusual.many_people(around, self._limits)
        for subject, about in by_person.items():
            findings += unusual.many_readers(await self._around(about, DAY, subject=subject, own=False), self._limits)
        await self._store(findings)

    async def _around(self, entries: Sequence[Access], length: timedelta, **whose: Any) -> list[Access]:
        """The entries that may be in one window with one of ``entries``, those of other chains included."""
        times = [entry.at for entry in entries]
        orders = {"$gte": stamp(min(times) - length), "$lt": stamp(max(times) + length)}
        found = self._entries.find({**whose, "_id": orders, **_look_ups()})
        return [access_of(stored) for stored in await found.to_list(None)]

    async def _store(self, findings: Iterable[Finding]) -> None:
        for finding in {finding.id: finding for finding in reversed([*findings])}.values():
            facts = {
                "rule": finding.rule,
                "organisation": finding.organisation,
                "actor": finding.actor,
                "subject": finding.subject,
                "count": finding.count,
                "first": finding.first.isoformat(),
                "last": finding.last.isoformat(),
                "found_at": datetime.now(UTC).isoformat(),
                "unpublished": True,
            }
            added = await self._findings.update_one({"_id": str(finding.id)}, {"$setOnInsert": facts}, upsert=True)
            if added.upserted_id is not None:
                logger.warning("gateway.unusual_access", rule=finding.rule, finding=str(finding.id))


def _look_ups() -> dict[str, Any]:
    return {"role": Role.CASEWORKER.value, "action": {"$in": sorted(LOOK_UPS)}}


def _event(stored: Mapping[str, Any]) -> Envelope[UnusualAccess]:
    """The event about a stored finding: the same bytes whenever it is published."""
    kind, _, rest = str(stored["subject"]).partition(":")
    finding_id = UUID(stored["_id"])
    event = UnusualAccess(
        finding_id=stored["_id"],
        rule=stored["rule"],
        organisation=stored["organisation"],
        actor=stored["actor"],
        card_id=rest if kind == "card" else None,
        count=stored["count"],
        first=datetime.fromisoformat(stored["first"]),
        last=datetime.fromisoformat(stored["last"]),
    )
    at = datetime.fromisoformat(stored["found_at"])
    return Envelope(id=finding_id, time=at, source=_SOURCE, data=event, correlation_id=finding_id)
