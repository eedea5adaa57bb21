"""Compares the figures of a reconciliation: one document for each run.

A later count may be ahead of an earlier one, because a report arrived in between; then the card is counted again. A
count that is behind an earlier one, or that differs at the same revisions, is a difference. It is an alarm if a second
count, with every report, shows it too. So is a card year whose figures disagree and are the same in two counts. An
alarm names the messages about the card year, which ``difference_messages.py`` looks up; the run waits for them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import Enum
from itertools import pairwise
from typing import Any, Final

from frikort_contracts.cloudevents import Envelope
from frikort_contracts.messages import Event
from frikort_contracts.reconciliation import (
    CardsCounted,
    CardsListed,
    CardYear,
    CardYearDiffered,
    DifferingYear,
    Figures,
    HeldReport,
    Holder,
    MessagePlace,
    MessagesFound,
    ReconciliationCompleted,
)
from frikort_contracts.topics import RECONCILIATION
from pydantic import BaseModel, ConfigDict

from services.runtime.processing.decision import Address, Decision, Processor

MAX_ATTEMPTS: Final = 8
MOST_REPORTS: Final = 50
"""In an alarm."""
MOST_OPEN: Final = 1000
"""Card years of a run that are counted again at a time. Of more, the first count decides."""
MOST_DIFFERING: Final = 100
"""Differences that a run keeps, with their messages. There is an event for each."""
MOST_LISTED: Final = 10
"""Differences in the result of a run."""
MOST_MESSAGES_LISTED: Final = 50
"""Messages of each of these."""

_SUMS: Final = ("reports", "total", "exempt", "excess")
_LAST_COUNTER: Final = "projections"


class Verdict(Enum):
    """What the figures of a card's year say."""

    SAME = "same"
    MOVED = "moved"
    DIFFERENT = "different"


def _nothing(holder: Holder) -> Figures:
    """What a holder has that has nothing of the year: zero wherever it would have a figure."""
    has_changes = holder in {Holder.REPORTING, Holder.ENTRIES, Holder.REPORTS_VIEW}
    has_revision = holder in {Holder.LEDGER, Holder.SPLITS, Holder.TOTALS_VIEW}
    has_split = holder is not Holder.REPORTING
    return Figures(
        holder=holder,
        changes=0 if has_changes else None,
        ledger_revision=0 if has_revision else None,
        reports=None if holder in {Holder.LEDGER, Holder.TOTALS_VIEW} else 0,
        total=0,
        exempt=0 if has_split else None,
        excess=0 if has_split else None,
    )


def complete(figures: Sequence[Figures]) -> tuple[Figures, ...]:
    """The figures of all holders, in the order in which they were counted."""
    by_holder = {each.holder: each for each in figures}
    return tuple(by_holder.get(holder, _nothing(holder)) for holder in Holder)


def compare(figures: Sequence[Figures]) -> Verdict:
    """Compare the figures of all holders."""
    changes, revisions = _values(figures, "changes"), _values(figures, "ledger_revision")
    pairs = [*pairwise(changes), *pairwise(revisions)]
    if any(later < earlier for earlier, later in pairs):
        return Verdict.DIFFERENT
    splits = max(each.latest_split or 0 for each in figures)
    if any(later > earlier for earlier, later in pairs) or splits > max(revisions):
        return Verdict.MOVED
    return Verdict.SAME if all(len(set(_values(figures, name))) == 1 for name in _SUMS) else Verdict.DIFFERENT


def _values(figures: Sequence[Figures], name: str) -> list[int]:
    return [value for each in figures if (value := getattr(each, name)) is not None]


def without_details(figures: Sequence[Figures]) -> tuple[Figures, ...]:
    """The figures without the reports."""
    return tuple(_with_details(each, ()) for each in figures)


def _with_details(figures: Figures, details: tuple[HeldReport, ...]) -> Figures:
    return Figures(
        holder=figures.holder,
        changes=figures.changes,
        ledger_revision=figures.ledger_revision,
        latest_split=figures.latest_split,
        reports=figures.reports,
        total=figures.total,
        exempt=figures.exempt,
        excess=figures.excess,
        details=details,
    )


def with_differing_reports(figures: Sequence[Figures]) -> tuple[Figures, ...]:
    """The figures with those reports on which the holders disagree, at most ``MOST_REPORTS`` of them."""
    held = [{report.report_id: report for report in each.details} for each in figures if each.holder in _HOLD_REPORTS]
    names = sorted({name for reports in held for name in reports})
    differing = set([name for name in names if _disagree([reports.get(name) for reports in held])][:MOST_REPORTS])
    return tuple(_with_details(each, tuple(r for r in each.details if r.report_id in differing)) for each in figures)


_HOLD_REPORTS: Final = (Holder.REPORTING, Holder.ENTRIES, Holder.SPLITS, Holder.REPORTS_VIEW)


def _disagree(held: Sequence[HeldReport | None]) -> bool:
    found = [each for each in held if each is not None]
    if len(found) < len(held):
        return True
    return any(
        len({value for each in found if (value := getattr(each, name)) is not None}) > 1
        for name in ("revision", "ledger_revision", "total", "exempt", "excess")
    )


class OpenYear(BaseModel):
    """A card year that is counted again: the figures of its latest count."""

    model_config = ConfigDict(frozen=True)

    attempt: int
    figures: tuple[Figures, ...]


class Run(BaseModel):
    """A run of the reconciliation. ``position`` is the ``first`` of the latest page; ``open`` is by card id and year.

    ``years``, ``differences`` and ``undecided`` count card years; ``differing`` are the first of those that differ, and
    ``messages`` the messages about each of these as soon as they are found, by card id and year.
    """

    model_config = ConfigDict(frozen=True)

    run_id: str
    started_at: datetime
    position: int = -1
    cards: int = 0
    years: int = 0
    differences: int = 0
    undecided: int = 0
    differing: tuple[CardYear, ...] = ()
    messages: dict[str, tuple[MessagePlace, ...]] = {}
    open: dict[str, OpenYear] = {}
    is_listed: bool = False
    completed: bool = False

    @property
    def without_messages(self) -> tuple[CardYear, ...]:
        """The differences whose messages are not found yet."""
        return () if self.completed else _without_messages(self.differing, self.messages)


def _without_messages(
    differing: Sequence[CardYear], messages: Mapping[str, tuple[MessagePlace, ...]]
) -> tuple[CardYear, ...]:
    return tuple(year for year in differing if key_of(year) not in messages)


def address(message: Envelope[Any]) -> Address | None:
    """The run of a page that all services have counted, or whose messages were found."""
    event = message.data
    is_mine = isinstance(event, MessagesFound) or (
        isinstance(event, CardsCounted) and event.counted_by == _LAST_COUNTER
    )
    return Address(event.run_id) if is_mine else None


def decide(run: Run | None, message: Envelope[CardsCounted | MessagesFound], _taken: object = ()) -> Decision[Run]:
    """Compare a page. Emit the cards to count again, the differences, and the result of a run that is complete."""
    event = message.data
    run = run or Run(run_id=event.run_id, started_at=message.time)
    after, events = _found(run, event) if isinstance(event, MessagesFound) else _compared(run, event)
    if after.completed and not run.completed:
        events = (*events, _completed(after))
    return Decision(after, tuple(events))


def _found(run: Run, found: MessagesFound) -> tuple[Run, Sequence[Event]]:
    """The run with the messages about a difference, which is published with them."""
    about = (found.card_id, found.year)
    years = [year for year in run.without_messages if (year.card_id, year.year) == about]
    if not years:
        return run, ()  # found twice, by two instances
    messages = {**run.messages, key_of(years[0]): found.messages}
    after = Run(
        run_id=run.run_id,
        started_at=run.started_at,
        position=run.position,
        cards=run.cards,
        years=run.years,
        differences=run.differences,
        undecided=run.undecided,
        differing=run.differing,
        messages=messages,
        open=run.open,
        is_listed=run.is_listed,
        completed=run.is_listed and not run.open and not _without_messages(run.differing, messages),
    )
    return after, [_differed(run, years[0], found.messages)]


def _compared(run: Run, page: CardsCounted) -> tuple[Run, Sequence[Event]]:
    if page.attempt == 1 and page.first <= run.position and not page.is_last:
        return run, ()  # published twice, after a crash
    years = {key_of(year): complete(year.figures) for year in page.years}
    open_years, again, differing, undecided = dict(run.open), list[str](), list[CardYear](), 0
    for key, figures in _checked(run, page, years).items():
        earlier = open_years.pop(key, None)
        match _verdict(figures, earlier):
            case Verdict.SAME:
                pass
            case Verdict.DIFFERENT if earlier is not None or len(open_years) >= MOST_OPEN:
                differing.append(_card_year(key, with_differing_reports(figures)))
            case Verdict.MOVED if page.attempt >= MAX_ATTEMPTS or len(open_years) >= MOST_OPEN:
                undecided += 1
            case _:
                open_years[key] = OpenYear(attempt=page.attempt, figures=without_details(figures))
                again.append(key)
    room = max(MOST_DIFFERING - len(run.differing), 0)
    events: list[Event] = [_differed(run, year, ()) for year in differing[room:]]
    # One by one: with their reports, a page of cards could exceed the size of a record.
    events += [
        CardsListed(run_id=run.run_id, first=page.first, cards=(card_id,), attempt=page.attempt + 1)
        for card_id in dict.fromkeys(key.rpartition(":")[0] for key in again)
    ]
    is_listed = run.is_listed or (page.is_last and page.attempt == 1)
    kept = (*run.differing, *differing[:room])
    after = Run(
        run_id=run.run_id,
        started_at=run.started_at,
        position=max(run.position, page.first),
        cards=run.cards + (len(page.cards) if page.attempt == 1 else 0),
        years=run.years + (len(years) if page.attempt == 1 else 0),
        differences=run.differences + len(differing),
        undecided=run.undecided + undecided,
        differing=kept,
        messages=run.messages,
        open=open_years,
        is_listed=is_listed,
        completed=is_listed and not open_years and not _without_messages(kept, run.messages),
    )
    return after, events


def key_of(year: CardYear) -> str:
    """The name of a card year in a run."""
    return f"{year.card_id}:{year.year}"


def _checked(run: Run, page: CardsCounted, years: Mapping[str, tuple[Figures, ...]]) -> dict[str, tuple[Figures, ...]]:
    """The figures of the card years that this page decides on.

    After a crash the job lists cards again, perhaps on other pages: a first count passes over those that are open. A
    later count is of open ones, and no holder has anything of one that is not on the page.
    """
    if page.attempt == 1:
        return {key: figures for key, figures in years.items() if key not in run.open}
    cards = set(page.cards)
    return {
        key: years.get(key, complete(()))
        for key, one in run.open.items()
        if key.rpartition(":")[0] in cards and one.attempt == page.attempt - 1
    }


def _verdict(figures: tuple[Figures, ...], earlier: OpenYear | None) -> Verdict:
    verdict = compare(figures)
    if verdict is Verdict.MOVED and earlier is not None and without_details(figures) == earlier.figures:
        return Verdict.DIFFERENT  # nothing has moved since the earlier count
    return verdict


def _card_year(key: str, figures: tuple[Figures, ...]) -> CardYear:
    card_id, _, year = key.rpartition(":")
    return CardYear(card_id=card_id, year=int(year), figures=figures)


def _differed(run: Run, year: CardYear, messages: tuple[MessagePlace, ...]) -> CardYearDiffered:
    return CardYearDiffered(
        run_id=run.run_id, card_id=year.card_id, year=year.year, figures=year.figures, messages=messages
    )


def _completed(run: Run) -> ReconciliationCompleted:
    return ReconciliationCompleted(
        run_id=run.run_id,
        started_at=run.started_at,
        cards=run.cards,
        years=run.years,
        differences=run.differences,
        undecided=run.undecided,
        differing=tuple(
            DifferingYear(year=each.year, messages=run.messages[key_of(each)][-MOST_MESSAGES_LISTED:])
            for each in run.differing[:MOST_LISTED]
        ),
    )


RECONCILIATIONS: Processor[Run] = Processor(
    name="reconciliations",
    topics=(RECONCILIATION,),
    state=Run,
    address=address,
    decide=decide,
    indexes=("started_at",),
)
