"""Plays an attacker with employer tokens for a year: ``python -m tests.attack.simulated_guesses``.

The limiter is the gateway's own, on a real MongoDB. Its clock is set to the next moment at which a token may try again.
The attacker knows the limits: all tokens try at the same time and as often as they may, and every check is wrong. The
year begins two hours before the end of a window of 30 days, so that a day has the attempts of two of each window.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import sys
import tempfile
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final
from uuid import uuid4

import structlog
from prometheus_client import REGISTRY
from pymongo import WriteConcern

from deploy.local.config import Config
from deploy.local.engines import Engines
from deploy.local.progress import for_people
from services.gateway.attempts import rules
from services.gateway.attempts.limiter import Acquired, AttemptLimiter
from services.gateway.attempts.rules import Attempt, Limits
from services.gateway.problems import ProblemError
from services.gateway.settings import GatewaySettings
from services.runtime.mongo.driver import Database, connect
from tests.attack.exposure import DAY, YEAR, Exposure, row_of
from tests.gateway.build import settings

_WINDOW: Final = 30 * 24 * 3600
_KINDS: Final = ("company", "owner", "number", "birth-date")


def beginning() -> datetime:
    """Two hours before the end of the present window of 30 days, less a minute."""
    window = int(datetime.now(UTC).timestamp()) // _WINDOW
    return datetime.fromtimestamp((window + 1) * _WINDOW, UTC) - timedelta(hours=2, minutes=1)


@dataclass
class Attack:
    """An attack by ``tokens`` companies without a common owner, at one card number or at any.

    After ``run``, ``checks`` are the times at which a guess was checked, and ``first_alarm`` is the number of checks
    before the first alarm.
    """

    database: Database
    limits: Limits
    pause: timedelta
    tokens: int
    one_number: bool
    checks: list[datetime] = field(default_factory=list)
    first_alarm: int | None = None

    def __post_init__(self) -> None:
        self.began = self._now = beginning()
        self._free_at = dict.fromkeys((f"{company:08d}" for company in range(self.tokens)), self._now)
        self._unused = itertools.count()
        self._limiter = AttemptLimiter(
            self.database, self.limits, pause=self.pause, max_wait=timedelta(seconds=0.2), now=lambda: self._now
        )

    async def run(self, time: timedelta) -> None:
        """Attack for ``time`` of the simulated clock."""
        at_once = self.limits.target.hour if self.one_number else self.limits.caller.hour
        alarms = _alarms()
        while self._now < self.began + time:
            ready = [company for company, free_at in self._free_at.items() if free_at <= self._now]
            for number in itertools.chain([at_once], itertools.repeat(1)):
                if not ready:
                    break
                checked = await self._check([company for company in ready for _ in range(number)])
                if self.first_alarm is None and _alarms() > alarms:
                    self.first_alarm = len(self.checks)
                if number == 1:
                    ready = [company for company in ready if company in checked]
            self._now = min(self._free_at.values())

    def checks_in(self, time: timedelta) -> int:
        """The guesses that were checked in the first ``time`` of the attack."""
        return sum(check < self.began + time for check in self.checks)

    async def _check(self, companies: list[str]) -> set[str]:
        """Let companies guess at the same time. Returns those that had a guess checked."""
        found = await asyncio.gather(*(self._acquire(company) for company in companies))
        acquired = [one for one in found if one is not None]
        await asyncio.gather(*(self._limiter.record_wrong(one) for one in acquired))
        self.checks += [self._now] * len(acquired)
        return {one.attempt.company for one in acquired}

    async def _acquire(self, company: str) -> Acquired | None:
        number = "known" if self.one_number else f"{next(self._unused)}"
        targets = (rules.number(number), rules.birth_date(f"{next(self._unused)}"))
        try:
            return await self._limiter.acquire(Attempt(company, (), targets))
        except ProblemError as problem:
            self._free_at[company] = self._now + timedelta(seconds=int(problem.headers["Retry-After"]))
            return None


def _alarms() -> float:
    found = (REGISTRY.get_sample_value("frikort_gateway_guess_alarms_total", {"kind": kind}) for kind in _KINDS)
    return sum(alarms or 0 for alarms in found)


async def attack(
    database: Database, given: GatewaySettings, time: timedelta, *, tokens: int, one_number: bool
) -> Attack:
    """Attack with the limits of the settings that are ``given``. The ``database`` has no counts yet."""
    found = Attack(database, given.attempt_limits, timedelta(seconds=given.attempt_pause), tokens, one_number)
    await found.run(time)
    return found


async def rows(mongodb: str) -> list[str]:
    """The rows of the table in the security page."""
    client, found = connect(mongodb), []
    for tokens in (1, 10):
        attacks = []
        for one_number in (False, True):
            name = f"attack_{uuid4().hex}"
            database = client.get_database(name, write_concern=WriteConcern(w=1, j=False))
            attacks.append(await attack(database, settings(), YEAR, tokens=tokens, one_number=one_number))
            await client.drop_database(name)
        at_any, at_one = attacks
        for time in (DAY, YEAR):
            exposed = Exposure(tokens, time, at_any.checks_in(time), at_one.checks_in(time))
            found.append(f"{row_of(exposed)} {at_any.first_alarm}, {at_one.first_alarm} |")
    client.close()
    return found


def main() -> None:
    """Start engines, play the attacks, and print the rows."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    with tempfile.TemporaryDirectory() as folder, Engines(Config(Path(folder)), for_people()) as engines:
        for row in asyncio.run(rows(engines.mongodb)):
            sys.stdout.write(f"{row}\n")


if __name__ == "__main__":
    main()
