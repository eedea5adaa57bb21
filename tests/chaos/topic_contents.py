"""What the topics contain: every record of every topic once, in order, and contradictions between them."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from frikort_contracts.balance import CapWarningRaised, CapWarningWithdrawn, ReportSettled
from frikort_contracts.cloudevents import BrokenContract, Headers, decode
from frikort_contracts.extracts import EncryptCprAgain, ForgetPerson, RepublishStatements, Statement
from frikort_contracts.feeds import CardYearRecord, EncryptCprFor, FillFeed
from frikort_contracts.messages import Command
from frikort_contracts.outcomes import Outcome
from frikort_contracts.reporting import ReportDisputed, ReportEvent
from frikort_contracts.topics import DEAD_SUFFIX, TOPICS

_TOPICS: Final = {topic.name: topic for topic in TOPICS}
_WITHOUT_OUTCOME: Final = (FillFeed, EncryptCprFor, RepublishStatements, ForgetPerson, EncryptCprAgain)
"""Commands that exports sends to itself, and those of operators."""

CardYear = tuple[str, int]


class Place(NamedTuple):
    """The position of a record."""

    topic: str
    partition: int
    offset: int


class DeadLetter(NamedTuple):
    """A dead letter: the processor that rejected the record, and the record's position."""

    service: str
    processor: str
    place: Place


class Crossing(NamedTuple):
    """A warning raised or withdrawn, with the ledger revision that caused it."""

    revision: int
    kind: str
    threshold: str


@dataclass
class TopicContents:
    """The contents of the topics. A record whose id was already seen is counted as repeated and otherwise ignored."""

    earnings: dict[CardYear, list[ReportEvent]] = field(default_factory=lambda: defaultdict(list))
    crossings: dict[CardYear, list[Crossing]] = field(default_factory=lambda: defaultdict(list))
    settled: dict[str, ReportSettled] = field(default_factory=dict)
    feeds: dict[tuple[str, str, int], CardYearRecord] = field(default_factory=dict)
    """The newest record of each authority about a card and year."""
    disputes: Counter[str] = field(default_factory=Counter)
    """How often each report was disputed."""
    commands: set[str] = field(default_factory=set)
    outcomes: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    dead: Counter[DeadLetter] = field(default_factory=Counter)
    broken: set[Place] = field(default_factory=set)
    contradictions: list[str] = field(default_factory=list)
    records: int = 0
    repeats: Counter[str] = field(default_factory=Counter)
    """Records whose id was already on their topic, by topic."""
    _statements: set[tuple[str, str, int, int]] = field(default_factory=set)
    _contents: dict[tuple[str, str], bytes] = field(default_factory=dict)

    @property
    def repeated(self) -> int:
        """All repeated records."""
        return self.repeats.total()

    def add(self, place: Place, key: bytes, value: bytes, headers: Headers) -> None:
        """Add one record."""
        self.records += 1
        if place.topic.endswith(DEAD_SUFFIX):
            self.dead[_dead_letter(headers)] += 1
            return
        try:
            envelope = decode(_TOPICS[place.topic], value, headers)
        except BrokenContract:
            self.broken.add(place)
            return
        name = (place.topic, str(envelope.id))
        content = hashlib.blake2b(repr((key, value, sorted(headers))).encode(), digest_size=16).digest()
        if name in self._contents:
            self.repeats[place.topic] += 1
            if self._contents[name] != content:
                self.contradictions.append(f"{envelope.data.type} {envelope.id} has two contents")
            return
        self._contents[name] = content
        if not isinstance(envelope.data, _WITHOUT_OUTCOME):
            self._add_message(str(envelope.id), envelope.data)

    def _add_message(self, event_id: str, data: Any) -> None:
        match data:
            case Command():
                self.commands.add(event_id)
            case Outcome():
                self.outcomes[data.command_id].add(event_id)
            case ReportEvent():
                self.earnings[data.card_id, data.year].append(data)
            case ReportDisputed():
                self.disputes[data.report_id] += 1
            case Statement():
                self._add_statement(data)
            case CardYearRecord():
                self._add_to_feed(data)
            case CapWarningRaised():
                self.crossings[data.card_id, data.year].append(Crossing(data.revision, "raised", data.threshold))
            case CapWarningWithdrawn():
                self.crossings[data.card_id, data.year].append(Crossing(data.revision, "withdrawn", data.threshold))
            case ReportSettled():
                self._add_split(data)

    def _add_split(self, data: ReportSettled) -> None:
        newest = self.settled.get(data.report_id)
        if newest is None or data.revision > newest.revision:
            self.settled[data.report_id] = data

    def _add_to_feed(self, data: CardYearRecord) -> None:
        newest = self.feeds.get(name := (data.authority, data.card_id, data.year))
        if newest is None or data.revision > newest.revision:
            self.feeds[name] = data

    def _add_statement(self, data: Statement) -> None:
        name = (data.type, data.card_id, data.year, data.revision)
        if name in self._statements:
            self.contradictions.append(
                f"two events of {data.type} state {data.year} of {data.card_id} as {data.revision}"
            )
        self._statements.add(name)


def _dead_letter(headers: Headers) -> DeadLetter:
    fields = dict(headers)

    def text(name: str) -> str:
        return fields.get(name, b"").decode(errors="replace")

    place = Place(text("dead_topic"), int(text("dead_partition") or -1), int(text("dead_offset") or -1))
    return DeadLetter(text("dead_service"), text("dead_processor"), place)
