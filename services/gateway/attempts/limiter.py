"""Counts attempts in MongoDB, shared by all instances. Uses the real time, not the settable clock of the gateway.

An attempt is counted before its result is known and released if it was right, so that concurrent attempts cannot pass
the limit. A document has the counts of one subject and one month, and expires a day after it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple

import structlog
from prometheus_client import Counter
from pymongo import ASCENDING, IndexModel, ReturnDocument, UpdateOne
from pymongo.errors import DuplicateKeyError

from services.gateway.attempts import rules
from services.gateway.attempts.rules import Attempt, Limit, Limits, Window
from services.gateway.problems import ProblemError
from services.runtime.mongo.driver import Database

logger = structlog.get_logger(__name__)

WRONG: Final = Counter("frikort_gateway_wrong_attempts_total", "Wrong card numbers or birth dates.")
STOPPED: Final = Counter("frikort_gateway_stopped_attempts_total", "Attempts refused after too many wrong ones.")
ALARMS: Final = Counter(
    "frikort_gateway_guess_alarms_total",
    "Alarms about guesses: by a company or an owner, or at a number or a birth date.",
    ["kind"],
)
for _kind in ("company", "owner", "number", "birth-date"):
    ALARMS.labels(_kind)

_POLL_SECONDS: Final = 0.05


def _utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class Acquired:
    """A counted attempt, and for each caller its count of the day with this attempt."""

    attempt: Attempt
    window: Window
    today: Mapping[str, int]


class Refusal(NamedTuple):
    """An attempt may be made again after ``seconds``. ``paused``: its caller pauses after a wrong attempt."""

    seconds: int
    paused: bool = False


class AttemptLimiter:
    """Limits attempts.

    ``pause`` is the first pause after wrong attempts. At a limit, an attempt waits up to ``max_wait`` for concurrent
    right attempts to be released. ``now`` gives the time in UTC.
    """

    def __init__(
        self,
        database: Database,
        limits: Limits,
        *,
        pause: timedelta,
        max_wait: timedelta = timedelta(seconds=1),
        now: Callable[[], datetime] = _utc_now,
    ) -> None:
        self._counts = database["attempts"]
        self._limits = limits
        self._pause = pause
        self._max_wait = max_wait
        self._now = now

    async def prepare(self) -> None:
        """Create the index that expires old counts."""
        await self._counts.create_indexes([IndexModel([("expires_at", ASCENDING)], expireAfterSeconds=0)])

    async def acquire(self, attempt: Attempt) -> Acquired:
        """Count an attempt. Raises the problem ``too-many-attempts``, which reveals nothing about the number.

        At a limit, the attempt waits a moment for concurrent right attempts to be released.
        """
        window = rules.window_of(self._now())
        deadline = asyncio.get_running_loop().time() + self._max_wait.total_seconds()
        while True:
            acquired = await self._try(attempt, window, deadline)
            if isinstance(acquired, Acquired):
                return acquired
            if acquired.paused or asyncio.get_running_loop().time() >= deadline:
                STOPPED.inc()
                raise ProblemError("too-many-attempts", headers={"Retry-After": str(acquired.seconds)})
            await asyncio.sleep(_POLL_SECONDS)

    async def release(self, acquired: Acquired) -> None:
        """Undo the count of an attempt that was right or not made."""
        attempt = acquired.attempt
        subjects = [*attempt.limits(self._limits), *attempt.targets]
        await self._add(subjects, acquired.window, -1)

    async def record_wrong(self, acquired: Acquired) -> None:
        """Keep the count of a wrong attempt, start the pause of its callers, and raise an alarm if it is time."""
        WRONG.inc()
        attempt, window = acquired.attempt, acquired.window
        pauses = [
            UpdateOne(
                {"_id": window.document_id(caller)},
                {"$max": {"paused_until": self._now() + rules.pause_after(today, self._pause)}},
            )
            for caller, today in acquired.today.items()
        ]
        await self._counts.bulk_write(pauses, ordered=False)
        watched = attempt.watched(self._limits)
        stored = await self._stored(tuple(watched), window)
        for subject, limit in watched.items():
            if rules.reached(rules.count_of(stored.get(subject), window), limit):
                await self._alarm(subject, attempt.company, window)

    async def _try(self, attempt: Attempt, window: Window, deadline: float) -> Acquired | Refusal:
        """Count an attempt, unless it exceeds a limit: then it is counted nowhere."""
        limits = attempt.limits(self._limits)
        counts = await asyncio.gather(
            *(
                self._acquire_one(subject, limit, window, deadline, paused=not attempt.in_file)
                for subject, limit in limits.items()
            )
        )
        counted = {subject: count for subject, count in zip(limits, counts, strict=True) if isinstance(count, Limit)}
        acquired = list(counted)
        refusals = [count for count in counts if isinstance(count, Refusal)]
        if not refusals:
            refusals = await self._count_at_targets(attempt, counted, window)
            acquired += attempt.targets
        if refusals:
            await self._add(acquired, window, -1)
            return max(refusals)
        return Acquired(attempt, window, {caller: counted[caller].day for caller in attempt.callers})

    async def _acquire_one(
        self, subject: str, limit: Limit, window: Window, deadline: float, *, paused: bool
    ) -> Limit | Refusal:
        """The counts with this attempt, or a refusal: at once during a pause, at the deadline if there are too many."""
        document_id = window.document_id(subject)
        while True:
            now = self._now()
            allowed: dict[str, Any] = {
                field: {"$not": {"$gte": most}} for field, most in zip(window.fields(), limit, strict=True)
            }
            if paused:
                allowed["paused_until"] = {"$not": {"$gt": now}}
            try:
                return await self._count(subject, window, allowed)
            except DuplicateKeyError:
                stored = await self._counts.find_one({"_id": document_id})
            until = None if stored is None or not paused else stored.get("paused_until")
            is_paused = until is not None and until > now
            if is_paused or asyncio.get_running_loop().time() >= deadline:
                count = rules.count_of(stored, window)
                return Refusal(rules.seconds_to_wait(count, limit, until if is_paused else None, now), is_paused)
            await asyncio.sleep(_POLL_SECONDS)

    async def _count_at_targets(self, attempt: Attempt, counted: Mapping[str, Limit], window: Window) -> list[Refusal]:
        """Count an attempt at its targets over all callers. ``counted``: the counts of its callers with this attempt.

        Each attempt counts before the suspicion is decided, so attempts made at the same time do not pass its limit.
        Returns a refusal for each suspected target at which a caller has made too many.
        """
        totals = await asyncio.gather(*(self._count(target, window) for target in attempt.targets))
        suspected = [
            target
            for target, total in zip(attempt.targets, totals, strict=True)
            if rules.exceeded(total, self._limits.suspicion)
        ]
        own = [counted[f"{caller}|{target}"] for caller in attempt.callers for target in suspected]
        most, now = self._limits.suspected, self._now()
        return [Refusal(rules.seconds_to_wait(count, most, None, now)) for count in own if rules.exceeded(count, most)]

    async def _count(self, subject: str, window: Window, allowed: Mapping[str, Any] | None = None) -> Limit:
        """Count an attempt for a subject. Returns the counts with this attempt.

        Raises ``DuplicateKeyError`` if the stored counts do not match the query ``allowed``.
        """
        counted = await self._counts.find_one_and_update(
            {"_id": window.document_id(subject), **(allowed or {})},
            {"$inc": dict.fromkeys(window.fields(), 1), "$setOnInsert": {"expires_at": window.expires_at()}},
            upsert=True,
            return_document=ReturnDocument.AFTER,
        )
        return rules.count_of(counted, window)

    async def _stored(self, subjects: Sequence[str], window: Window) -> dict[str, Mapping[str, Any]]:
        ids = {window.document_id(subject): subject for subject in subjects}
        found = await self._counts.find({"_id": {"$in": list(ids)}}).to_list(None)
        return {ids[stored["_id"]]: stored for stored in found}

    async def _add(self, subjects: Sequence[str], window: Window, number: int) -> None:
        if subjects:
            change = {
                "$inc": dict.fromkeys(window.fields(), number),
                "$setOnInsert": {"expires_at": window.expires_at()},
            }
            writes = [UpdateOne({"_id": window.document_id(subject)}, change, upsert=True) for subject in subjects]
            await self._counts.bulk_write(writes, ordered=False)

    async def _alarm(self, subject: str, company: str, window: Window) -> None:
        """Raise the alarm about a subject, once a day. The log names the company that tried, and no person."""
        changed = await self._counts.update_one(
            {"_id": window.document_id(subject), "alarmed_on": {"$ne": window.day}},
            {"$set": {"alarmed_on": window.day}},
        )
        if changed.modified_count:
            kind = rules.kind_of(subject)
            ALARMS.labels(kind).inc()
            logger.warning("gateway.guessing", kind=kind, company=company)
