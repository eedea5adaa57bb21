"""A run: rounds of load with a fault, each followed by an idle system and a reconciliation."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from random import Random

import httpx2
from rich.console import Console

from deploy.local.system import LocalSystem
from services.runtime.kafka.producer import KafkaProducer
from tests.chaos.client import Api
from tests.chaos.disk import Disk
from tests.chaos.environment import Environment
from tests.chaos.journal import Journal
from tests.chaos.load import Load
from tests.chaos.people import People
from tests.chaos.readers import TopicReader, ViewReader, lagging_groups
from tests.chaos.reconciliation import Finding, check
from tests.chaos.report import Row
from tests.chaos.round_context import Action, NotPossible, RoundContext
from tests.chaos.timing import for_seconds, until
from tests.chaos.topic_contents import DeadLetter, TopicContents

FIRST_DAY = date(2025, 2, 3)
_WARM_COMMANDS = 30
_DEADLINE_SECONDS = 180.0
_QUIET_WITHIN = 180.0
_OLD_CARDS = 20
_SHOWN_FINDINGS = 20


@dataclass
class Chaos:
    """One run on one system, as a context manager."""

    system: LocalSystem
    kinds: Mapping[str, Action]
    seconds: float
    seed: int
    disks: Mapping[str, Disk] = field(default_factory=dict)
    say: Callable[[str], None] = Console(highlight=False, soft_wrap=True).print
    rows: list[Row] = field(default_factory=list)

    async def __aenter__(self) -> Chaos:
        random = Random(self.seed)  # noqa: S311  # reproducible randomness
        self._random = random
        self.environment = Environment(self.system, random)
        await self.environment.double()
        self.api = Api(self.environment.gateways, deadline_seconds=_DEADLINE_SECONDS, seed=self.seed)
        self.journal = Journal()
        self.topics = TopicContents()
        people = People(self.system, random)
        self.load = Load(self.api, people, self.journal, random)
        self.views = ViewReader(self.api, people, self.journal, self.system)
        self._reader = TopicReader(self.system.access, self.topics)
        self._log: KafkaProducer = self.environment.log()
        self._dead: set[DeadLetter] = set()
        self._known: set[Finding] = set()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.api.close()
        await self._log.stop()

    async def run(self, rounds: int) -> list[Row]:
        """All kinds in turn, then again in random order. The last round reconciles every card."""
        order: list[str] = []
        while len(order) < rounds:
            again = list(self.kinds)
            if order:
                self._random.shuffle(again)
            order += again
        for number, kind in enumerate(order[:rounds], 1):
            row = await self._round(number, kind, last=number == rounds)
            self.rows.append(row)
            self.say(row.line())
            for finding in row.findings[:_SHOWN_FINDINGS]:
                self.say(f"     {finding}")
        return self.rows

    def activity(self) -> dict[str, int]:
        """Counts of activity, to compare with the minimum."""
        settled = self.topics.settled.values()
        return {
            "accepted": self.journal.acknowledged["report"],
            "split": sum(1 for event in settled if event.exempt and event.excess),
            "warned": sum(len(crossings) for crossings in self.topics.crossings.values()),
            "corrected": self.journal.acknowledged["correct"],
            "refused": self.journal.refused.total(),
            "lines": self.journal.acknowledged["line"],
        }

    async def _round(self, number: int, kind: str, *, last: bool) -> Row:
        row = Row(number, kind)
        turn = sum(1 for earlier in self.rows if earlier.kind == kind)
        on = RoundContext(self.environment, self._log, self.load, self.disks, turn)
        before = self.load.acknowledged, self.journal.refused.total()
        self.api.refusals.longest = 0.0
        self.api.refusals.kinds.clear()
        day = FIRST_DAY + timedelta(days=number)
        await self._set_clock(day)
        self.load.begin(number, day)
        try:
            row.possible = await self._inject(self.kinds[kind], on, before[0])
        finally:
            ended = time.monotonic()
            await self.environment.restart_stopped()
            await self.load.end()
        self._dead |= on.dead
        await self._wait_until_idle(row)
        row.quiet_seconds = round(time.monotonic() - ended, 1)
        row.refusal_seconds = round(self.api.refusals.longest, 1)
        row.failed_requests = dict(self.api.refusals.kinds)
        row.acknowledged = self.load.acknowledged - before[0]
        row.refused = self.journal.refused.total() - before[1]
        row.notes += on.notes + self.environment.unexpected_exits
        self.environment.unexpected_exits.clear()
        await self._check(row, last=last)
        return row

    async def _inject(self, action: Action, on: RoundContext, before: int) -> bool:
        """Inject the round's fault while the load runs, and let the load run for the round's duration."""

        async def warm() -> bool:
            return self.load.acknowledged >= before + _WARM_COMMANDS

        began = time.monotonic()
        await until(warm, within=_DEADLINE_SECONDS, what="the load")
        try:
            await action(on)
        except NotPossible as reason:
            on.notes.append(str(reason))
            return False
        await for_seconds(self.seconds - (time.monotonic() - began))
        return True

    async def _wait_until_idle(self, row: Row) -> None:
        """Wait until every group has committed the end of its topics and both gateways are ready."""
        waiting: list[str] = []

        async def is_idle() -> bool:
            waiting[:] = await lagging_groups(self._log)
            return not waiting and await self.environment.ready()

        try:
            await until(is_idle, within=_QUIET_WITHIN, what="an idle system")
        except TimeoutError:
            row.notes.append(f"never idle: {', '.join(waiting) or 'a gateway is not ready'}")
            row.wrong += 1

    async def _check(self, row: Row, *, last: bool) -> None:
        await self._reader.read()
        everyone = sorted(self.journal.cards)
        older = self._random.sample(everyone, min(_OLD_CARDS, len(everyone)))
        cards = everyone if last else sorted(self.journal.touched | set(older))
        self.journal.touched.clear()
        shown = await self.views.read(cards, extract=True)
        found = await asyncio.to_thread(check, self.journal, self.topics, shown, self._dead)
        new = [finding for finding in found if finding not in self._known]
        self._known.update(new)
        row.lost += sum(1 for finding in new if finding.kind == "lost")
        row.doubled += sum(1 for finding in new if finding.kind == "doubled")
        row.wrong += sum(1 for finding in new if finding.kind == "wrong")
        row.findings = [f"{finding.kind}: {finding.what}" for finding in new]

    async def _set_clock(self, day: date) -> None:
        async def is_set() -> bool:
            async with httpx2.AsyncClient() as http:
                try:
                    answer = await http.put(f"{self.system.gateway_url}/local/clock", json={"time": f"{day}T08:00:00Z"})
                except httpx2.TransportError:
                    return False
                return answer.is_success

        await until(is_set, within=_DEADLINE_SECONDS, what="the clock")
