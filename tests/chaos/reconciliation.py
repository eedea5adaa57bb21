"""Reconciliation: the clients' journal, the topics and the views of every audience must agree.

Pure, so that tests can give it falsified data. All amounts are in øre.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from frikort_contracts.reporting import EarningsReported, ReportContent
from joserfc.jwk import ECKey

from tests.chaos import feeds
from tests.chaos.journal import Card, Journal, Report
from tests.chaos.reference_model import YEAR, Split, acceptance, crossings, splits, thresholds
from tests.chaos.topic_contents import CardYear, DeadLetter, TopicContents


class Finding(NamedTuple):
    """A discrepancy."""

    kind: Literal["lost", "doubled", "wrong"]
    what: str


@dataclass
class CardViews:
    """What the API shows of one card: to its citizen, and to the municipality (None if it answers 404)."""

    reports: list[dict[str, Any]]
    balances: list[dict[str, Any]]
    warnings: list[dict[str, Any]]
    employments: list[dict[str, Any]]
    to_municipality: dict[str, Any] | None


@dataclass
class Views:
    """What is shown. API views exist only for the cards in ``cards``."""

    cards: dict[str, CardViews] = field(default_factory=dict)
    employments: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    """The employer's list of reports, by employment."""
    ledgers: dict[CardYear, dict[str, Any]] = field(default_factory=dict)
    """Balance's documents."""
    extract: dict[str, dict[str, Any]] | None = None
    """The tax agency's statements by card. None if no extract was requested."""
    authority_keys: Mapping[str, ECKey] = field(default_factory=dict)
    """The private keys with which the authorities read CPR numbers now."""


def check(journal: Journal, topics: TopicContents, views: Views, dead: Iterable[DeadLetter]) -> list[Finding]:
    """Everything that is lost, doubled or wrong. ``dead`` are the dead letters expected from poison records."""
    by_card: dict[str, list[Report]] = {}
    for report in journal.reports.values():
        by_card.setdefault(report.card_id, []).append(report)
    found = [Finding("wrong", surprise) for surprise in journal.surprises]
    found += [Finding("wrong", contradiction) for contradiction in topics.contradictions]
    found += _outcomes(topics)
    found += _dead(topics, set(dead))
    found += _booked(journal, topics)
    found += _disputed(journal, topics)
    for card_id, card in journal.cards.items():
        found += _year(card, by_card.get(card_id, []), topics, views)
    return found


def _outcomes(topics: TopicContents) -> Iterator[Finding]:
    for command_id in topics.commands:
        count = len(topics.outcomes.get(command_id, ()))
        if count == 0:
            yield Finding("lost", f"command {command_id} has no outcome")
        elif count > 1:
            yield Finding("doubled", f"command {command_id} has {count} outcomes")
    for command_id in set(topics.outcomes) - topics.commands:
        yield Finding("wrong", f"an outcome of {command_id}, which was never published")


def _dead(topics: TopicContents, wanted: set[DeadLetter]) -> Iterator[Finding]:
    for letter in wanted - set(topics.dead):
        yield Finding("lost", f"no dead letter of {letter.place} by {letter.service}/{letter.processor}")
    for letter in set(topics.dead) - wanted:
        yield Finding("wrong", f"a dead letter of {letter.place} by {letter.service}/{letter.processor}, no poison")


def _booked(journal: Journal, topics: TopicContents) -> Iterator[Finding]:
    times = Counter(
        event.report_id
        for events in topics.earnings.values()
        for event in events
        if isinstance(event, EarningsReported)
    )
    newest = {event.report_id: event for events in topics.earnings.values() for event in events}
    for report in journal.reports.values():
        if times[report.id] == 0:
            yield Finding("lost", f"report {report.id} was acknowledged and is not on the topic")
            continue
        event = newest[report.id]
        amount = event.total if isinstance(event, ReportContent) else 0
        if (amount, event.revision) != (report.total, report.revision):
            yield Finding(
                "wrong", f"report {report.id}: {amount} in revision {event.revision}, acknowledged {report.total}"
            )
    for report_id, count in times.items():
        if count > 1:
            yield Finding("doubled", f"report {report_id} was booked {count} times")
        if report_id not in journal.reports:
            yield Finding("doubled", f"report {report_id} was booked and never acknowledged")


def _disputed(journal: Journal, topics: TopicContents) -> Iterator[Finding]:
    for report_id in journal.disputed - topics.disputes.keys():
        yield Finding("lost", f"the dispute of report {report_id} was acknowledged and is not on the topic")
    for report_id, count in topics.disputes.items():
        if count > 1:
            yield Finding("doubled", f"report {report_id} was disputed {count} times")
        if report_id not in journal.disputed:
            yield Finding("doubled", f"report {report_id} was disputed and that was never acknowledged")


def _year(card: Card, reports: list[Report], topics: TopicContents, views: Views) -> Iterator[Finding]:
    events = topics.earnings.get((card.id, YEAR), [])
    wanted = splits(acceptance(events), {report.id: report.total for report in reports})
    total = Split(sum(s.exempt for s in wanted.values()), sum(s.excess for s in wanted.values()))
    if topics.crossings.get((card.id, YEAR), []) != crossings(events):
        yield Finding("wrong", f"card {card.id}: the warnings are not those of its reports")
    for report in reports:
        settled = topics.settled.get(report.id)
        if settled is None:
            yield Finding("lost", f"report {report.id} was never settled")
        elif Split(settled.exempt, settled.excess) != wanted.get(report.id):
            yield Finding("wrong", f"report {report.id} settled at {settled.exempt} + {settled.excess}")
    yield from _ledger(card, wanted, views.ledgers.get((card.id, YEAR)))
    for is_lost, what in feeds.differences(card, total, topics.feeds, views.authority_keys):
        yield Finding("lost" if is_lost else "wrong", what)
    if views.extract is not None:
        yield from _statement(card, reports, wanted, total, views.extract.get(card.id))
    if (view := views.cards.get(card.id)) is not None:
        yield from _seen_by_citizen(card, view, wanted, total)
        yield from _listed(f"citizen of card {card.id}", reports, view.reports, wanted)
        yield from _seen_by_municipality(card, view.to_municipality)
        yield from _employments(card, view.employments)
    for employment_id in card.employments & set(views.employments):
        own = [report for report in reports if report.employment_id == employment_id]
        yield from _listed(f"employer of {employment_id}", own, views.employments[employment_id], wanted)


def _ledger(card: Card, wanted: Mapping[str, Split], ledger: Mapping[str, Any] | None) -> Iterator[Finding]:
    entries = {} if ledger is None else ledger["entries"]
    found = {report_id: Split(entry["exempt"], entry["excess"]) for report_id, entry in entries.items()}
    if found != wanted or list(found) != list(wanted):
        yield Finding("wrong", f"card {card.id}: balance's ledger is not the recomputation")


def _statement(
    card: Card, reports: list[Report], wanted: Mapping[str, Split], total: Split, statement: Mapping[str, Any] | None
) -> Iterator[Finding]:
    if statement is None:
        if total != Split(0, 0):
            yield Finding("lost", f"card {card.id} is not in the tax extract")
        return
    stated = (statement["reported"], statement["exempt"], statement["excess"], statement["municipality"])
    if stated != (total.exempt + total.excess, total.exempt, total.excess, card.municipality):
        yield Finding("wrong", f"card {card.id}: the tax extract says {stated}")
    by_employer: dict[str, Counter[str]] = {}
    for report in reports:
        if report.total:
            split = wanted.get(report.id, Split(0, 0))
            line = Counter({"reports": 1, "exempt": split.exempt, "excess": split.excess, "reported": report.total})
            by_employer.setdefault(report.cvr, Counter()).update(line)
    for line in statement["employers"]:
        if (amounts := by_employer.pop(line["cvr"], None)) is None or any(
            line[name] != amounts[name] for name in ("reports", "reported", "exempt", "excess")
        ):
            yield Finding("wrong", f"card {card.id}: the tax extract's line of employer {line['cvr']}")
    if by_employer:
        yield Finding("lost", f"card {card.id}: employers {sorted(by_employer)} are not in the tax extract")


def _listed(
    who: str, reports: Iterable[Report], listed: list[dict[str, Any]], wanted: Mapping[str, Split]
) -> Iterator[Finding]:
    known = {report.id: report for report in reports}
    times = Counter(line["report_id"] for line in listed)
    for report_id in known:
        if times[report_id] != 1:
            yield Finding("doubled" if times[report_id] else "lost", f"the {who} sees {report_id} {times[report_id]}x")
    for line in listed:
        report = known.get(line["report_id"])
        if report is None:
            yield Finding("doubled", f"the {who} sees {line['report_id']}, which was never acknowledged")
            continue
        split = line["split"] and Split(line["split"]["exempt_ore"], line["split"]["excess_ore"])
        # The contents of a withdrawn report can still be read; they count as zero.
        amount = 0 if line["status"] == "withdrawn" else line["total_ore"]
        if (amount, line["status"] == "withdrawn") != (report.total, report.withdrawn):
            yield Finding(
                "wrong", f"the {who} sees {amount} {line['status']} for {report.id}, acknowledged {report.total}"
            )
        if split != wanted.get(report.id):
            yield Finding("wrong", f"the {who} sees the split {split} of {report.id}, not {wanted.get(report.id)}")


def _seen_by_citizen(card: Card, view: CardViews, wanted: Mapping[str, Split], total: Split) -> Iterator[Finding]:
    years = [balance for balance in view.balances if balance["year"] == YEAR]
    sums = [(balance["reported_ore"], balance["exempt_ore"], balance["excess_ore"]) for balance in years]
    if sums != [(total.exempt + total.excess, total.exempt, total.excess)]:
        yield Finding("wrong", f"the citizen of card {card.id} sees {sums}, not {total}")
    active = sorted(warning["threshold"] for warning in view.warnings if warning["withdrawn_at"] is None)
    if active != sorted(thresholds(total.exempt + total.excess)):
        yield Finding("wrong", f"the citizen of card {card.id} sees the warnings {active} at {total}")


def _seen_by_municipality(card: Card, view: Mapping[str, Any] | None) -> Iterator[Finding]:
    if view is None:
        yield Finding("lost", f"card {card.id} is unknown to municipality {card.municipality}")
        return
    status = "active" if card.deactivated_in is None else "deactivated"
    if (view["status"], view["municipality"]["code"], view["number"]) != (status, card.municipality, card.number):
        yield Finding("wrong", f"card {card.id} is {view['status']} in {view['municipality']['code']}")


def _employments(card: Card, listed: list[dict[str, Any]]) -> Iterator[Finding]:
    times = Counter(line["employment_id"] for line in listed)
    for employment_id in card.employments | set(times):
        if (count := times[employment_id]) != 1 or employment_id not in card.employments:
            kind: Literal["lost", "doubled"] = "doubled" if count else "lost"
            yield Finding(kind, f"card {card.id}: employment {employment_id} is listed {count}x")
