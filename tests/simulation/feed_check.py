"""The checker of the feeds: the newest record of each key equals what cards, reports and the reference ledger say."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from frikort_contracts.authorities import FEEDS, Facts, Feed
from frikort_contracts.cloudevents import Envelope, decode, encode
from frikort_contracts.feeds import FillFeed
from frikort_contracts.topics import AUTHORITY_SKAT, CARDS, EARNINGS, FEED_TOPICS, source_of

from services.exports.card_feeds.last_records import Last, last_of
from services.exports.card_feeds.processor import NAME
from services.exports.card_feeds.state import CardFeeds
from services.exports.feed_check import FeedCheck
from tests.simulation.environment import Environment
from tests.simulation.fault_schedule import is_injected
from tests.simulation.reference_ledger import Year
from tests.simulation.topic_reader import Message, invariant

Records = dict[tuple[str, int | None], dict[str, Any]]
_ENDED = "feed.benefit-year-ended"


async def fill_again(environment: Environment) -> None:
    """Check the feeds as exports does at night."""

    async def read_last(feed: Feed, number: int) -> Sequence[Last]:
        return [last for partition, last in _last_records(environment, feed) if partition == number]

    async def get_card(card_id: str) -> CardFeeds | None:
        card: CardFeeds | None = environment.database("exports", NAME).state(card_id)
        return card

    async def send(messages: Sequence[FillFeed]) -> None:
        for message in messages:
            message_id = UUID(int=environment.rng.getrandbits(128), version=4)
            now = environment.clock.read()
            environment.broker.append(encode(Envelope(message_id, now, source_of("exports"), message, message_id)))

    async def settled(_: float) -> None:
        """Nothing is being published: all work has ended."""

    check_of_night = FeedCheck(feeds=FEEDS, read_last=read_last, get_card=get_card, send=send, sleep=settled)
    environment.counts["feeds filled after a late record"] += await check_of_night.run()


def _last_records(environment: Environment, feed: Feed) -> Iterable[tuple[int, Last]]:
    """The last record of each key of a feed, with its partition."""
    topic = FEED_TOPICS[feed.name]
    records = [record for record in environment.broker.all(topic.name) if not is_injected(record)]
    last = {record.key: record for record in records}
    return [(r.partition, last_of(decode(topic, r.value, r.headers).data)) for r in last.values()]


def check(
    environment: Environment, published: Mapping[str, Sequence[Message]], years: Mapping[tuple[str, int], Year]
) -> Counter[str]:
    """Check every feed. Returns counts of records for the coverage check. Raises ``Violation``."""
    return _FeedCheck(environment, published, years).check()


class _FeedCheck:
    def __init__(
        self,
        environment: Environment,
        published: Mapping[str, Sequence[Message]],
        years: Mapping[tuple[str, int], Year],
    ) -> None:
        self.environment = environment
        self.published = published
        self.years = years
        self.homes = {event.data["card_id"]: event.data["municipality"] for event in published[CARDS.name]}
        self.days = _payment_days(published[EARNINGS.name])
        self.stated = {
            (event.data["card_id"], event.data["year"]): event.data for event in published[AUTHORITY_SKAT.name]
        }
        self.counts: Counter[str] = Counter()

    def check(self) -> Counter[str]:
        for feed in FEEDS:
            records = self._newest(feed)
            self._last_is_newest(feed, records)
            match feed.facts:
                case Facts.TAX:
                    self._years(feed, records)
                case Facts.USE:
                    self._years(feed, {key: data for key, data in records.items() if key[1] is not None})
                    self._cards({key[0]: data for key, data in records.items() if key[1] is None})
                case Facts.BENEFITS:
                    self._benefits(feed, records)
        return self.counts

    def _newest(self, feed: Feed) -> Records:
        """The record of each key with the highest revision. A repeated revision has the same content."""
        newest: Records = {}
        for event in self.published[feed.topic]:
            key = event.data["card_id"], event.data.get("year")
            before = newest.get(key)
            if before is not None and event.data["revision"] == before["revision"]:
                invariant({**before, **event.data} == before, f"{feed.topic} tells {key} in two ways: {before}")
            if before is None or event.data["revision"] > before["revision"]:
                newest[key] = {**event.data, "kind": event.kind}
            self.counts[f"records of {feed.facts.value}"] += 1
            self.counts["records of an end"] += event.kind == _ENDED
        return newest

    def _last_is_newest(self, feed: Feed, newest: Records) -> None:
        """After the nightly check, the last record of each key is the newest one."""
        for _, last in _last_records(self.environment, feed):
            key = last.card_id, last.year
            invariant(
                last.revision == newest[key]["revision"],
                f"the last record of {feed.topic} about {key} has the revision {last.revision}, not the newest",
            )

    def _years(self, feed: Feed, records: Records) -> None:
        """Every year with a statement is published, with its amounts."""
        invariant(records.keys() == self.stated.keys(), f"{feed.topic} tells other years than the statements")
        for key, record in records.items():
            stated = self.stated[key]
            names: tuple[str, ...] = ("revision", "municipality", "reported", "exempt", "excess", "reports", "disputed")
            invariant(all(record[n] == stated[n] for n in names), f"{feed.topic} tells {key} as {record}, not {stated}")
            if feed.facts is Facts.TAX:
                names = ("cpr", "employers", "disputed_employers")
                invariant(all(record[n] == stated[n] for n in names), f"{feed.topic} tells {key} as {record}")

    def _cards(self, records: Mapping[str, dict[str, Any]]) -> None:
        """Every card is published, with or without reports."""
        invariant(records.keys() == self.homes.keys(), "the states of cards are published of other cards")
        for card_id, record in records.items():
            invariant(record["municipality"] == self.homes[card_id], f"the card {card_id} is sent as {record}")

    def _benefits(self, feed: Feed, records: Records) -> None:
        """The responsible municipality gets every year by payment date, and no other has one that did not end."""
        for (card_id, number), record in records.items():
            if record["kind"] == _ENDED:
                invariant(set(record) == {"authority", "card_id", "revision", "year", "kind"}, f"an end tells {record}")
            else:
                invariant(
                    self.homes[card_id] == feed.municipality, f"{feed.topic} was not sent the end of {card_id} {number}"
                )
        for key, stated in self.stated.items():
            if self.homes[key[0]] != feed.municipality:
                continue
            published = records.get(key)
            invariant(
                published is not None and published["kind"] != _ENDED,
                f"{feed.topic} does not tell {key}, but {published}; {stated}",
            )
            if published is None:
                continue
            found = {day["payment_date"]: (day["exempt"], day["excess"]) for day in published["days"]}
            wanted = self._wanted(self.years[key])
            invariant(found == wanted, f"{feed.topic} tells {key} as {found}, and it is {wanted}")
            amounts = published["reported"], published["exempt"], published["disputed"]
            invariant(
                amounts == (stated["reported"], stated["exempt"], stated["disputed"]),
                f"{feed.topic}: {key}: {published}",
            )
            invariant(bool(published["cpr"]), f"{feed.topic} tells {key} without a number")

    def _wanted(self, year: Year) -> dict[str, tuple[int, int]]:
        sums: dict[str, list[int]] = defaultdict(lambda: [0, 0])
        for report_id, line in year.lines.items():
            if line.total:
                day = sums[self.days[report_id]]
                day[0] += line.exempt
                day[1] += line.total - line.exempt
        return {day: (exempt, excess) for day, (exempt, excess) in sums.items()}


def _payment_days(earnings: Sequence[Message]) -> dict[str, str]:
    """The payment date of each report, as of its latest revision that has one."""
    return {
        event.data["report_id"]: event.data["payment_date"]
        for event in sorted(earnings, key=lambda event: event.data["revision"])
        if "payment_date" in event.data
    }
