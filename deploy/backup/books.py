"""The books: totals of every card and year, computed from the topics and compared with the stores.

A partition is read at a time: all events of a card are in one, and the memory is that of its reports.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple

from frikort_contracts.balance import BalanceChanged
from frikort_contracts.cloudevents import BrokenContract, decode
from frikort_contracts.reporting import EarningsWithdrawn, ReportContent, ReportEvent
from frikort_contracts.topics import BALANCES, EARNINGS, Topic

from deploy.backup.archive import StoredRecord
from deploy.backup.stores import Client
from deploy.backup.topics import Topics
from services.runtime.processing.positions import Partition

CardYear = tuple[str, int]
Totals = Mapping[CardYear, int]
"""The reported amount in øre of each card and year."""

_SOURCES: Final = (f"the events of {BALANCES.name}", "frikort_balance.ledgers", "frikort_gateway.ledgers")


class Books(NamedTuple):
    """The totals by the reports on the topic, and by each of ``_SOURCES``."""

    reports: int
    total: int
    card_years: int
    differences: list[str]


def compare(topics: Topics, client: Client) -> Books:
    """Read the topics and the stores of an idle system. Raises ``KafkaRefused`` and the errors of pymongo."""
    starts, ends = topics.starts(), topics.ends()
    reported: dict[CardYear, int] = {}
    balances: dict[CardYear, int] = {}
    reports = 0
    for number in range(EARNINGS.partitions):
        count, totals = reported_totals(_messages(topics, EARNINGS, number, starts, ends))
        reports += count
        reported |= totals
        balances |= balance_totals(_messages(topics, BALANCES, number, starts, ends))
    others = (balances, _ledgers(client), _shown(client))
    found = [line for name, other in zip(_SOURCES, others, strict=True) for line in differences(reported, other, name)]
    return Books(reports, sum(reported.values()), len(reported), found)


def reported_totals(messages: Iterable[Any]) -> tuple[int, Totals]:
    """The number of reports, and the totals by the newest revision of each. A withdrawn report counts zero."""
    newest: dict[str, tuple[int, CardYear, int]] = {}
    for event in messages:
        if isinstance(event, ReportContent | EarningsWithdrawn) and event.revision > _revision(newest, event):
            total = event.total if isinstance(event, ReportContent) else 0
            newest[event.report_id] = event.revision, (event.card_id, event.year), total
    totals: dict[CardYear, int] = defaultdict(int)
    for _, card_year, total in newest.values():
        totals[card_year] += total
    return len(newest), totals


def balance_totals(messages: Iterable[Any]) -> Totals:
    """The totals by the newest event of each card and year."""
    newest: dict[CardYear, BalanceChanged] = {}
    for event in messages:
        if isinstance(event, BalanceChanged):
            known = newest.get((event.card_id, event.year))
            if known is None or event.revision > known.revision:
                newest[event.card_id, event.year] = event
    return {card_year: event.reported for card_year, event in newest.items()}


def differences(reported: Totals, other: Totals, name: str) -> Iterator[str]:
    """A line for each card and year on which the two differ."""
    for card_id, year in sorted(reported.keys() | other.keys()):
        expected, found = reported.get((card_id, year)), other.get((card_id, year))
        if expected != found:
            yield f"card {card_id}, {year}: {expected} øre by the reports, {found} øre by {name}"


def _revision(newest: Mapping[str, tuple[int, CardYear, int]], event: ReportEvent) -> int:
    return newest[event.report_id][0] if event.report_id in newest else 0


def _messages(
    topics: Topics, topic: Topic, number: int, starts: Mapping[Partition, int], ends: Mapping[Partition, int]
) -> Iterator[Any]:
    """The messages of a partition. Records that break the contract are dead letters, and no part of the books."""
    partition = Partition(topic.name, number)
    record: StoredRecord
    for record in topics.read({partition: starts[partition]}, {partition: ends[partition]}):
        try:
            yield decode(topic, record.value, record.headers).data
        except BrokenContract:
            continue


def _ledgers(client: Client) -> Totals:
    fields = {"state.card_id": 1, "state.year": 1, "state.exempt": 1, "state.excess": 1}
    states = (stored["state"] for stored in client["frikort_balance"]["ledgers"].find({}, fields))
    return {(state["card_id"], state["year"]): state["exempt"] + state["excess"] for state in states}


def _shown(client: Client) -> Totals:
    fields = {"state.card_id": 1, "state.year": 1, "state.totals": 1}
    states = (stored["state"] for stored in client["frikort_gateway"]["ledgers"].find({}, fields))
    return {(state["card_id"], state["year"]): state["totals"]["reported"] for state in states if state["totals"]}
