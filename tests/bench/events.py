"""The load: earnings events as reporting publishes them in a payroll night."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import islice
from random import Random
from typing import Final
from uuid import UUID

from aiokafka import AIOKafkaProducer
from frikort_contracts.cloudevents import Envelope, Record, encode
from frikort_contracts.reporting import EarningsReported
from frikort_contracts.values import Components, WorkPeriod, is_cvr

from deploy.local.kafka_users import KafkaAccess

YEAR: Final = 2026
ALLOWANCE: Final = 4_399_400
EMPLOYERS_A_CARD: Final = 2
_MOST_WAGE: Final = 850_000  # ten reports per card are about the allowance: a third of the cards exceed it
_AT_ONCE: Final = 1000
_CVRS: Final = tuple(str(n) for n in range(10_000_000, 10_030_000) if is_cvr(str(n)))


@dataclass(frozen=True)
class Load:
    """``events`` earnings events in random order, each for a random one of ``cards`` cards.

    The same numbers give the same bytes.
    """

    events: int
    cards: int
    employers: int = EMPLOYERS_A_CARD
    seed: int = 5

    def records(self) -> Iterator[Record]:
        """The records, in the order in which reporting published them."""
        draw = Random(self.seed)  # noqa: S311  # chance that can be had again
        cards = self.card_ids()
        day = date(YEAR, 3, 31)
        moment = datetime(YEAR, 3, 31, 20, tzinfo=UTC)
        for number in range(self.events):
            card = draw.randrange(self.cards)
            employer = draw.randrange(self.employers)
            wage, holiday_pay = draw.randrange(1, _MOST_WAGE), draw.randrange(0, _MOST_WAGE // 8)
            command = _uuid(draw)
            yield encode(
                Envelope(
                    id=_uuid(draw),
                    time=moment,
                    source="/frikort/reporting",
                    correlation_id=command,
                    causation_id=command,
                    traceparent=f"00-{draw.getrandbits(128):032x}-{draw.getrandbits(64):016x}-01",
                    data=EarningsReported(
                        card_id=cards[card],
                        employment_id=str(UUID(int=card * self.employers + employer)),
                        report_id=str(_uuid(draw)),
                        revision=1,
                        cvr=_CVRS[(card + employer) % len(_CVRS)],
                        year=YEAR,
                        reference=f"run 2026-03 line {number}",
                        work=WorkPeriod(first=day.replace(day=1), last=day),
                        payment_date=day,
                        components=Components(wage=wage, holiday_pay=holiday_pay),
                        total=wage + holiday_pay,
                        allowance=ALLOWANCE,
                        provisional=False,
                        allowance_version="2026/2026-01-01/1-final/000",
                    ),
                )
            )

    def card_ids(self) -> list[str]:
        """The ids of the cards."""
        draw = Random(f"cards of {self.seed}")  # noqa: S311
        return [str(_uuid(draw)) for _ in range(self.cards)]


async def fill(access: KafkaAccess, topic: str, load: Load) -> None:
    """Publish the load to a topic, once for all contestants."""
    producer = AIOKafkaProducer(**access.options(), acks="all", enable_idempotence=True, linger_ms=20)
    await producer.start()
    try:
        records = load.records()
        while chunk := tuple(islice(records, _AT_ONCE)):
            sent = [await producer.send(topic, r.value, key=r.key, headers=list(r.headers)) for r in chunk]
            await asyncio.gather(*sent)
    finally:
        await producer.stop()


def _uuid(draw: Random) -> UUID:
    return UUID(int=draw.getrandbits(128), version=4)
