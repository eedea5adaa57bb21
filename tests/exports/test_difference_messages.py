"""Which messages an alarm of a reconciliation names, and where they are looked up."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from typing import Any, Final

from frikort_contracts.cloudevents import Record, decode, encode
from frikort_contracts.messages import Event
from frikort_contracts.reconciliation import CardYear, Figures, HeldReport, Holder, MessagesFound
from frikort_contracts.topics import RECONCILIATION, Topic

from services.exports.difference_messages import MOST_OF_A_TOPIC, MessageFinder
from services.exports.reconciliation import Run
from services.runtime.processing.apply import Incoming
from tests.contracts.examples import EXAMPLES, NOON, envelope

RUN: Final = "8a3f1c1e-8f43-4a59-9a42-6d21d3f6b0aa"


def example(name: str, **changes: Any) -> Any:
    [found] = [each for each in EXAMPLES if type(each).__name__ == name]
    return found.model_copy(update=changes)


REPORTED: Final = example("EarningsReported")
SETTLED: Final = example("ReportSettled", report_id=REPORTED.report_id)
CHANGED: Final = example("BalanceChanged")
CARD: Final[str] = REPORTED.card_id


class Log:
    """Topics in memory, the runs that read them, and what the finder published."""

    def __init__(self, *events: Event, differing: Sequence[CardYear]) -> None:
        self.run = Run(run_id=RUN, started_at=NOON, differences=len(differing), differing=tuple(differing))
        self.records = [encode(envelope(event, f"message {at}")) for at, event in enumerate(events)]
        self.reads = 0
        self.published: list[Record] = []

    async def find(
        self, query: Mapping[str, object], *, sort: Sequence[tuple[str, int]] = (), limit: int = 0
    ) -> list[Run]:
        assert query == {"completed": False}
        return [self.run]

    async def read(self, topic: Topic, keys: Collection[bytes]) -> AsyncIterator[Incoming]:
        self.reads += 1
        of_topic = [record for record in self.records if record.topic == topic.name]
        for offset, record in enumerate(of_topic):
            if record.key in keys:
                yield Incoming(topic.name, 3, offset, record.key, record.value, record.headers)

    async def publish(self, records: Sequence[Record]) -> None:
        self.published += records

    def finder(self) -> MessageFinder:
        return MessageFinder(self, self.read, self.publish)

    async def found(self) -> list[MessagesFound]:
        """What a finder publishes."""
        await self.finder().find_wanted()
        return [decode(RECONCILIATION, record.value, record.headers).data for record in self.published]


def differing(*reports: str, card_id: str = CARD) -> CardYear:
    """A year that differs in these reports; in its sums alone if there are none."""
    details = tuple(HeldReport(report_id=report_id) for report_id in reports)
    return CardYear(card_id=card_id, year=2025, figures=(Figures(holder=Holder.SPLITS, details=details),))


async def places(log: Log) -> list[tuple[str | None, str, int, int]]:
    [found] = await log.found()
    return [(place.type, place.topic, place.partition, place.offset) for place in found.messages]


async def test_the_messages_of_the_reports_that_differ_are_named_with_their_places() -> None:
    other = example("EarningsReported", report_id="another report")
    log = Log(other, REPORTED, SETTLED, CHANGED, differing=[differing(REPORTED.report_id)])
    [found] = await log.found()
    assert [place.message_id for place in found.messages] == [
        str(envelope(each, f"message {at}").id) for at, each in ((1, REPORTED), (2, SETTLED))
    ]
    assert await places(Log(other, REPORTED, SETTLED, differing=[differing(REPORTED.report_id)])) == [
        (REPORTED.type, "frikort.earnings.v1", 3, 1),
        (SETTLED.type, "frikort.balances.v1", 3, 0),
    ]


async def test_all_messages_of_the_year_are_named_if_each_report_agrees() -> None:
    events = (REPORTED, example("EarningsReported", year=2024), SETTLED, CHANGED, example("ReportDisputed"))
    named = [kind for kind, *_ in await places(Log(*events, differing=[differing()]))]
    assert named == [REPORTED.type, SETTLED.type, CHANGED.type]


async def test_a_record_of_the_card_that_cannot_be_read_is_named_and_its_headers_are_not_repeated() -> None:
    log = Log(REPORTED, differing=[differing(REPORTED.report_id)])
    broken = (("ce_id", b"010190-1234"), ("ce_type", b"Jens Jensen"))
    log.records.append(Record("frikort.earnings.v1", CARD.encode(), b"?", broken))
    [found] = await log.found()
    assert [(place.message_id, place.type, place.offset) for place in found.messages][1:] == [(None, None, 1)]


async def test_the_latest_messages_of_each_topic_are_named() -> None:
    log = Log(*[REPORTED] * (MOST_OF_A_TOPIC + 2), SETTLED, differing=[differing(REPORTED.report_id)])
    found = await places(log)
    assert len(found) == MOST_OF_A_TOPIC + 1
    assert found[0][3] == 2


async def test_the_topics_are_read_once_for_all_differences_of_a_run_and_not_again() -> None:
    log = Log(REPORTED, differing=[differing(), differing(card_id="another card")])
    finder = log.finder()
    await finder.find_wanted()
    await finder.find_wanted()
    assert (len(log.published), log.reads) == (2, 2)


async def test_two_instances_publish_what_they_find_under_one_id() -> None:
    log = Log(REPORTED, differing=[differing()])
    await log.finder().find_wanted()
    await log.finder().find_wanted()
    assert log.published[0] == log.published[1]
