"""Counts the cards of a reconciliation in one service: ``frikort_contracts.reconciliation`` has the protocol."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol, TypeVar

from frikort_contracts.cloudevents import Envelope
from frikort_contracts.messages import Event
from frikort_contracts.reconciliation import COUNTERS, CardsCounted, CardsListed, CardYear, Counter, Figures
from frikort_contracts.topics import RECONCILIATION, Topic

from services.runtime.error_kinds import RETRYABLE
from services.runtime.kafka.consumer import KafkaConsumer
from services.runtime.processing.consumer import BatchConsumer
from services.runtime.processing.policies import BatchPolicy, CommitPolicy
from services.runtime.processing.responder import Answer, Responder
from services.runtime.processing.responder import catch_up as catch_up_with
from services.runtime.settings import RuntimeSettings

if TYPE_CHECKING:
    from services.runtime.service import Runtime

S_co = TypeVar("S_co", covariant=True)

NAME: Final = "reconciliation"
_BATCHING: Final = BatchPolicy(min_records=1, max_records=10, max_wait=0.0)
_COMMITTING: Final = CommitPolicy(min_interval=0.2)
_FETCH_WAIT: Final = 1.0  # seconds; pages come once a night


class StatesById(Protocol[S_co]):
    """Read access to the states of a processor or projection; ``Reader`` gives it."""

    async def get(self, document_id: str) -> S_co | None:
        """The state of one document."""
        ...

    async def find(self, query: Mapping[str, Any]) -> Sequence[S_co]:
        """The states whose fields match ``query``."""
        ...

    async def starting_with(self, prefixes: Sequence[str]) -> Sequence[S_co]:
        """The states of the documents whose ids begin with one of ``prefixes``."""
        ...


class Held(NamedTuple):
    """What a service holds of a card's year."""

    card_id: str
    year: int
    figures: tuple[Figures, ...]


CountCards = Callable[[Sequence[str], bool], Awaitable[Sequence[Held]]]
"""What a service holds of these cards, by year; with each report if the second argument is true."""


class OfCard(Protocol):
    """A state of one card."""

    @property
    def card_id(self) -> str: ...


Card = TypeVar("Card", bound=OfCard)
Card_contra = TypeVar("Card_contra", bound=OfCard, contravariant=True)


class FiguresOf(Protocol[Card_contra]):
    """The figures of each year of a card, with each report if ``with_reports``."""

    def __call__(self, card: Card_contra, /, *, with_reports: bool) -> Iterable[tuple[int, tuple[Figures, ...]]]: ...


def count_cards(states: StatesById[Card], figures_of: FiguresOf[Card]) -> CountCards:
    """Counts the cards of ``states``, each a document of its own."""

    async def count(cards: Sequence[str], with_reports: bool) -> list[Held]:
        found = await asyncio.gather(*map(states.get, cards))
        return [
            Held(card.card_id, year, figures)
            for card in found
            if card is not None
            for year, figures in figures_of(card, with_reports=with_reports)
        ]

    return count


def answer_with(counter: Counter, count: CountCards, catch_up: Callable[[], Awaitable[None]]) -> Answer:
    """The answers of ``counter`` to the pages that it is the next one to count.

    The first ``catch_up`` applies all that the services before it have published. The second one publishes all that is
    counted, so that the next service catches up with it.
    """
    before = COUNTERS[: COUNTERS.index(counter)]

    async def answer(messages: Sequence[Envelope[Any]]) -> Sequence[CardsCounted | None]:
        mine: list[CardsListed | CardsCounted] = [m.data for m in messages if _is_next(m.data, before)]
        if any(page.cards for page in mine):
            await catch_up()
        counted = {id(page): await _counted(page, counter, count) for page in mine}
        if any(page.cards for page in mine):
            await catch_up()
        return [counted.get(id(message.data)) for message in messages]

    return answer


def _is_next(event: Event, before: Sequence[Counter]) -> bool:
    if isinstance(event, CardsListed):
        return not before
    return isinstance(event, CardsCounted) and bool(before) and event.counted_by == before[-1]


async def _counted(page: CardsListed | CardsCounted, counter: Counter, count: CountCards) -> CardsCounted:
    years: dict[tuple[str, int], tuple[Figures, ...]] = {}
    if isinstance(page, CardsCounted):
        years = {(year.card_id, year.year): year.figures for year in page.years}
    for card_id, year, figures in await count(page.cards, page.attempt > 1) if page.cards else ():
        years[card_id, year] = (*years.get((card_id, year), ()), *figures)
    return CardsCounted(
        run_id=page.run_id,
        first=page.first,
        cards=page.cards,
        attempt=page.attempt,
        is_last=page.is_last,
        counted_by=counter,
        years=tuple(
            CardYear(card_id=card_id, year=year, figures=figures) for (card_id, year), figures in years.items()
        ),
    )


@dataclass(frozen=True)
class CardCounter:
    """How one process counts cards: ``topics`` are those from which it keeps what ``count`` reads."""

    counter: Counter
    topics: Sequence[Topic]
    count: Callable[[Runtime], CountCards]

    def responder(self, runtime: Runtime) -> Responder:
        """The handler of the pages. Its second consumer may wait without holding up the first."""

        async def catch_up() -> None:
            ends = partial(runtime.producer.end_offsets, self.topics)
            await catch_up_with(ends, runtime.committed_positions, asyncio.sleep)

        return Responder(
            service=runtime.service,
            name=NAME,
            writer=self.counter,
            topic=RECONCILIATION,
            answer=answer_with(self.counter, self.count(runtime), catch_up),
            producer=runtime.producer,
        )


async def run_counter(runtime: Runtime, settings: RuntimeSettings, counter: CardCounter) -> None:
    """Count pages until it is cancelled."""
    consumer = BatchConsumer(
        consumer=KafkaConsumer(
            settings=settings,
            topics={RECONCILIATION.name},
            group=f"frikort.{runtime.service}.{NAME}",
            client_id=f"frikort-{runtime.name}-{NAME}",
            fetch_wait=_FETCH_WAIT,
        ),
        processors=[counter.responder(runtime)],
        batching=_BATCHING,
        committing=_COMMITTING,
        retryable=RETRYABLE,
        stop_service=runtime.stop_service,
    )
    try:
        await consumer.start()
        await asyncio.Event().wait()
    finally:
        await consumer.stop()
