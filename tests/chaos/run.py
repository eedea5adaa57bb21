"""A run: rounds of load and harm, each followed by quiet and a check of the books."""

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
from tests.chaos.arena import Arena
from tests.chaos.books import Finding, check
from tests.chaos.client import Api
from tests.chaos.disk import Disk
from tests.chaos.journal import Journal
from tests.chaos.load import Load
from tests.chaos.pace import for_seconds, until
from tests.chaos.people import People
from tests.chaos.reading import Books, LogReader, behind
from tests.chaos.report import Row
from tests.chaos.rounds import Act, Field, NotPossible
from tests.chaos.told import DeadLetter, Told

FIRST_DAY = date(2025, 2, 3)
_WARM_COMMANDS = 30
_PATIENCE = 180.0
_QUIET_WITHIN = 180.0
_OLD_CARDS = 20
_SHOWN_FINDINGS = 20


@dataclass
class Chaos:
    """One run over one system; use as a context manager."""

    system: LocalSystem
    kinds: Mapping[str, Act]
    seconds: float
    seed: int
    disks: Mapping[str, Disk] = field(default_factory=dict)
    say: Callable[[str], None] = Console(highlight=False, soft_wrap=True).print
    rows: list[Row] = field(default_factory=list)

    async def __aenter__(self) -> Chaos:
        random = Random(self.seed)  # noqa: S311  # chance that can be had again
        self._random = random
        self.arena = Arena(self.system, random)
        await self.arena.double()
        self.api = Api(self.arena.gateways, patience=_PATIENCE, seed=self.seed)
        self.journal = Journal()
        self.told = Told()
        people = People(self.system, random)
        self.load = Load(self.api, people, self.journal, random)
        self.books = Books(self.api, people, self.journal, self.system.mongodb)
        self._reader = LogReader(self.system.kafka, self.told)
        self._log: KafkaProducer = self.arena.log()
        self._dead: set[DeadLetter] = set()
        self._known: set[Finding] = set()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.api.close()
        await self._log.stop()

    async def run(self, rounds: int) -> list[Row]:
        """All kinds in turn, then all again in an order that is drawn; and every card once more at the end."""
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

    def happened(self) -> dict[str, int]:
        """How much came about, for the least that a run needs."""
        settled = self.told.settled.values()
        return {
            "accepted": self.journal.acknowledged["report"],
            "split": sum(1 for event in settled if event.exempt and event.excess),
            "warned": sum(len(crossings) for crossings in self.told.crossings.values()),
            "corrected": self.journal.acknowledged["correct"],
            "refused": self.journal.refused.total(),
            "lines": self.journal.acknowledged["line"],
        }

    async def _round(self, number: int, kind: str, *, last: bool) -> Row:
        row = Row(number, kind)
        turn = sum(1 for earlier in self.rows if earlier.kind == kind)
        on = Field(self.arena, self._log, self.disks, turn)
        before = self.load.acknowledged, self.journal.refused.total()
        self.api.refusals.longest = 0.0
        self.api.refusals.kinds.clear()
        day = FIRST_DAY + timedelta(days=number)
        await self._set_clock(day)
        self.load.begin(number, day)
        try:
            row.possible = await self._harm(self.kinds[kind], on, before[0])
        finally:
            ended = time.monotonic()
            await self.arena.heal()
            await self.load.end()
        self._dead |= on.dead
        await self._quiet(row)
        row.quiet_seconds = round(time.monotonic() - ended, 1)
        row.refusal_seconds = round(self.api.refusals.longest, 1)
        row.failed_requests = dict(self.api.refusals.kinds)
        row.acknowledged = self.load.acknowledged - before[0]
        row.refused = self.journal.refused.total() - before[1]
        row.notes = on.notes + self.arena.unasked
        self.arena.unasked.clear()
        await self._check(row, last=last)
        return row

    async def _harm(self, act: Act, on: Field, before: int) -> bool:
        """Do the round's one thing while the load runs, for as long as a round takes at least."""

        async def warm() -> bool:
            return self.load.acknowledged >= before + _WARM_COMMANDS

        began = time.monotonic()
        await until(warm, within=_PATIENCE, what="the load")
        try:
            await act(on)
        except NotPossible as reason:
            on.notes.append(str(reason))
            return False
        await for_seconds(self.seconds - (time.monotonic() - began))
        return True

    async def _quiet(self, row: Row) -> None:
        """Until every group has committed the end of what it reads, and both gateways are ready."""
        waiting: list[str] = []

        async def quiet() -> bool:
            waiting[:] = await behind(self._log)
            return not waiting and await self.arena.ready()

        try:
            await until(quiet, within=_QUIET_WITHIN, what="quiet")
        except TimeoutError:
            row.notes.append(f"never quiet: {', '.join(waiting) or 'a gateway is not ready'}")
            row.wrong += 1

    async def _check(self, row: Row, *, last: bool) -> None:
        await self._reader.read()
        everyone = sorted(self.journal.cards)
        older = self._random.sample(everyone, min(_OLD_CARDS, len(everyone)))
        cards = everyone if last else sorted(self.journal.touched | set(older))
        self.journal.touched.clear()
        shown = await self.books.read(cards, extract=True)
        found = await asyncio.to_thread(check, self.journal, self.told, shown, self._dead)
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

        await until(is_set, within=_PATIENCE, what="the clock")
