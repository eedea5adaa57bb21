"""Answers from what is stored, and the wait until everything before them is processed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

import pytest
from frikort_contracts.cloudevents import Envelope, Record, decode, encode
from frikort_contracts.reconciliation import CardsCounted, CardsListed, Figures, Holder
from frikort_contracts.topics import RECONCILIATION, source_of

from services.runtime.error_kinds import RETRYABLE
from services.runtime.processing.apply import Incoming
from services.runtime.processing.dead_letters import Origin, Replay, facts_of
from services.runtime.processing.positions import Offsets, Partition
from services.runtime.processing.responder import NotCaughtUp, Responder, catch_up
from services.runtime.reconciliation import CountCards, Held, answer_with
from tests.contracts.examples import envelope
from tests.runtime.memory import Faults, MemoryKafka, MemoryProducer

PLACE: Final = Partition("frikort.earnings.v1", 3)
PAGE: Final = CardsListed(run_id="run-1", first=0, cards=("card-1", "card-2"))


async def at_once(_: float) -> None:
    """Sleep for no time."""


def returns(*offsets: int) -> Callable[[], Awaitable[Offsets]]:
    """Gives these offsets of ``PLACE``, one after another, then the last one again and again."""
    left = list(offsets)

    async def read() -> Offsets:
        return {PLACE: left.pop(0) if len(left) > 1 else left[0]}

    return read


async def test_catching_up_waits_until_the_records_of_now_are_committed() -> None:
    committed = returns(7, 8, 9, 10)
    await catch_up(returns(9, 100), committed, at_once)
    assert await committed() == {PLACE: 10}


async def test_a_partition_without_records_needs_no_commit() -> None:
    async def nothing() -> Offsets:
        return {}

    await catch_up(returns(0), nothing, at_once)


async def test_a_service_that_stays_behind_is_asked_again_later() -> None:
    with pytest.raises(NotCaughtUp):
        await catch_up(returns(9), returns(8), at_once)
    assert issubclass(NotCaughtUp, RETRYABLE)


class Counting:
    """A responder of balance over a log in memory. ``total`` is what it counts for each card."""

    def __init__(self) -> None:
        self.kafka = MemoryKafka()
        self.total = 100
        self.caught_up = 0
        self.counted: list[tuple[Sequence[str], bool, int]] = []
        self.responder = Responder(
            service="balance",
            name="reconciliation",
            writer="balance",
            topic=RECONCILIATION,
            answer=answer_with("balance", self._count(), self._catch_up),
            producer=MemoryProducer(self.kafka, Faults()),
        )

    async def _catch_up(self) -> None:
        self.caught_up += 1

    def _count(self) -> CountCards:
        async def count(cards: Sequence[str], with_reports: bool) -> list[Held]:
            self.counted.append((cards, with_reports, self.caught_up))
            return [Held(card, 2025, (Figures(holder=Holder.LEDGER, total=self.total),)) for card in cards]

        return count

    async def process(self, *records: Record) -> None:
        await self.responder.process(
            [Incoming(r.topic, 0, offset, r.key, r.value, r.headers) for offset, r in enumerate(records)]
        )

    @property
    def answers(self) -> list[Envelope[Any]]:
        """What it has published, but for dead letters."""
        return [decode(RECONCILIATION, r.value, r.headers) for r in self.kafka.all(RECONCILIATION.name)]


async def counted_by_reporting(page: CardsListed) -> CardsCounted:
    async def count(cards: Sequence[str], _: bool) -> list[Held]:
        return [Held("card-1", 2025, (Figures(holder=Holder.REPORTING, total=100),))]

    async def nothing() -> None: ...

    [answer] = await answer_with("reporting", count, nothing)([envelope(page)])
    assert isinstance(answer, CardsCounted)
    return answer


def record(page: CardsListed | CardsCounted) -> Record:
    writer = "issuance" if isinstance(page, CardsListed) else "reporting"
    return encode(envelope(page, f"{page}", source=source_of(writer)))


async def test_a_service_adds_its_figures_to_those_of_the_service_before_it() -> None:
    balance = Counting()
    await balance.process(record(await counted_by_reporting(PAGE)))
    [answer] = balance.answers
    assert answer.data.counted_by == "balance"
    assert {year.card_id: [each.holder for each in year.figures] for year in answer.data.years} == {
        "card-1": [Holder.REPORTING, Holder.LEDGER],
        "card-2": [Holder.LEDGER],
    }


async def test_a_service_catches_up_before_and_after_it_counts() -> None:
    balance = Counting()
    await balance.process(record(await counted_by_reporting(PAGE)))
    assert balance.counted == [(PAGE.cards, False, 1)]
    assert balance.caught_up == 2


async def test_a_page_that_is_counted_again_is_counted_with_its_reports() -> None:
    balance = Counting()
    again = await counted_by_reporting(PAGE.model_copy(update={"attempt": 2}))
    await balance.process(record(again))
    assert [with_reports for _, with_reports, _ in balance.counted] == [True]


async def test_a_page_that_is_for_another_service_is_passed_over() -> None:
    balance = Counting()
    await balance.process(record(PAGE))
    assert balance.answers == []


async def test_the_last_page_is_passed_on_without_a_count() -> None:
    balance = Counting()
    last = await counted_by_reporting(CardsListed(run_id="run-1", first=2, cards=(), is_last=True))
    await balance.process(record(last.model_copy(update={"years": ()})))
    assert [answer.data.is_last for answer in balance.answers] == [True]
    assert balance.caught_up == 0


async def test_a_second_delivery_has_the_same_id_only_if_the_answer_is_the_same() -> None:
    balance = Counting()
    page = record(await counted_by_reporting(PAGE))
    await balance.process(page)
    await balance.process(page)
    balance.total = 200
    await balance.process(page)
    first, second, other = (answer.id for answer in balance.answers)
    assert first == second != other


async def test_an_invalid_record_is_a_dead_letter_and_a_replay_of_another_reader_is_not_read() -> None:
    balance = Counting()
    page = record(await counted_by_reporting(PAGE))
    replay = Replay(Origin(RECONCILIATION.name, 0, 7, "exports", "reconciliation"), 1)
    await balance.process(page._replace(value=b"{}"), replay.record(page.key, page.value, page.headers))
    [dead] = balance.kafka.all(RECONCILIATION.dead)
    facts = facts_of(dead.headers)
    assert facts is not None
    assert facts.origin.reader == "balance.reconciliation"
    assert balance.answers == []
