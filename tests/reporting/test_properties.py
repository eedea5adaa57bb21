"""What holds for any order of arrival and any resending, and the arithmetic of active days."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from frikort_contracts.cloudevents import Envelope
from frikort_contracts.issuance import CardHandedOver
from frikort_contracts.messages import Event, Message
from frikort_contracts.reporting import EarningsReported
from frikort_contracts.values import Period, WorkPeriod
from hypothesis import given, settings
from hypothesis import strategies as st

from services.reporting.book import Book, first_day_not_covered
from tests.reporting.build import (
    CARD,
    EMPLOYMENT,
    ISSUED,
    Books,
    accepted,
    correct,
    deactivated,
    dispute,
    employed,
    issued,
    reactivated,
    register,
    report,
    sent,
    take_back,
    withdraw,
)

# A card's year: each event of the card comes forty days after the one before.
GAP = 40
CARD_EVENTS: list[Message] = [
    issued(),
    deactivated(2, ISSUED + timedelta(GAP)),
    reactivated(3, ISSUED + timedelta(2 * GAP)),
    CardHandedOver(card_id=CARD, revision=4, municipality="101", actor="a", from_municipality="849"),
    deactivated(5, ISSUED + timedelta(4 * GAP)),
]


def card_event(revision: int) -> Envelope[Any]:
    return sent(CARD_EVENTS[revision - 1], f"card {revision}", ISSUED + timedelta(GAP * (revision - 1)))


@dataclass(frozen=True)
class Sent:
    """A command, and the card revision that its sender had seen."""

    envelope: Envelope[Any]
    seen: int


@st.composite
def conversations(draw: st.DrawFn) -> list[Sent]:
    """What an employer sends in a year, in order; each about work up to the day on which it is sent."""
    said = [Sent(sent(register(), "employment A", ISSUED), 1)]
    seen = 1
    for place in range(draw(st.integers(1, 8))):
        seen = draw(st.integers(seen, len(CARD_EVENTS)))
        today = ISSUED + timedelta(GAP * (seen - 1) + draw(st.integers(0, GAP - 1)))
        work = sorted(draw(st.tuples(st.dates(ISSUED, today), st.dates(ISSUED, today))))
        first, last = (moment.isoformat() for moment in work)
        paid = draw(st.dates(work[0], today)).isoformat()
        reference, wage = draw(st.sampled_from(("r1", "r2", "r3"))), draw(st.integers(1, 3))
        kind = draw(st.sampled_from(("report", "report", "report", "correct", "withdraw", "dispute", "take back")))
        command: Message
        if kind == "report":
            command = report(reference, first, last, paid, wage, card_revision=seen)
        elif kind == "correct":
            command = correct(reference, first, last, paid, wage, card_revision=seen)
        elif kind == "dispute":
            command = dispute(reference)
        elif kind == "take back":
            command = take_back(reference)
        else:
            command = withdraw(reference)
        said.append(Sent(sent(command, f"said {place}", today), seen))
    return said


def play(arrivals: Sequence[Envelope[Any]]) -> tuple[list[Event], Book]:
    books, told = Books(), list[Event]()
    for envelope in arrivals:
        told.extend(books.deliver(envelope))
    assert books.book is not None
    return told, books.book


def in_order(said: Sequence[Sent]) -> list[Envelope[Any]]:
    arrivals = list[Envelope[Any]]()
    for revision in range(1, len(CARD_EVENTS) + 1):
        arrivals.append(card_event(revision))
        arrivals.extend(one.envelope for one in said if one.seen == revision)
    return arrivals


@settings(max_examples=120)
@given(conversations(), st.randoms(use_true_random=False))
def test_commands_and_card_events_may_overtake_each_other(said: list[Sent], chance: Any) -> None:
    commands, events = [one.envelope for one in said], [card_event(n + 1) for n in range(len(CARD_EVENTS))]
    turns = ["command"] * len(commands) + ["event"] * len(events)
    chance.shuffle(turns)
    any_order = [(commands if turn == "command" else events).pop(0) for turn in turns]

    told, book = play(any_order)
    assert (told, book) == play(in_order(said))
    assert book.waiting == ()


def test_a_command_that_overtook_its_card_waits_and_those_behind_it_wait_too() -> None:
    books = Books()
    assert books.deliver(sent(register(), "employment A")) == ()
    assert books.tell(report()) == ()
    assert books.tell(withdraw()) == ()
    told = books.tell(issued())
    assert [type(event).__name__ for event in told] == [
        "EmploymentRegistered", "CommandAccepted", "EarningsReported", "CommandAccepted", "EarningsWithdrawn",
        "CommandAccepted",
    ]  # fmt: skip


def test_a_command_waits_for_just_the_revision_that_its_sender_had_seen() -> None:
    books = employed()
    late = report("aug", "2025-05-01", "2025-05-02", "2025-05-02", card_revision=3)
    assert books.tell(late) == ()
    assert books.tell(deactivated(2, date(2025, 4, 30))) == ()
    assert accepted(books.tell(reactivated(3, date(2025, 5, 1)))).report_id is not None


@settings(max_examples=150)
@given(
    st.lists(st.tuples(st.sampled_from(("r1", "r2")), st.sampled_from(("resend", "correct"))), min_size=1, max_size=10)
)
def test_a_report_sent_again_is_known_for_ever_and_booked_once(steps: list[tuple[str, str]]) -> None:
    books = employed()
    booked: dict[str, str] = {}
    for number, (reference, what) in enumerate(steps):
        wage = 100 + int(reference[1])
        if what == "correct" and reference in booked:
            assert not accepted(books.tell(correct(reference, wage=1000 + number))).already_reported
            continue
        before = books.book
        events = books.tell(report(reference, wage=wage))
        outcome = accepted(events)
        assert outcome.employment_id == EMPLOYMENT
        assert outcome.report_id is not None
        assert outcome.already_reported is (reference in booked)
        assert booked.setdefault(reference, outcome.report_id) == outcome.report_id
        assert any(isinstance(event, EarningsReported) for event in events) is not outcome.already_reported
        if outcome.already_reported:
            assert books.book == before


DAY_0 = date(2025, 1, 1)
closed = st.tuples(st.integers(0, 20), st.integers(0, 6))
active_periods = st.lists(
    st.tuples(st.integers(0, 20), st.none() | st.integers(0, 8)).map(
        lambda pair: Period(
            first=DAY_0 + timedelta(pair[0]),
            last=None if pair[1] is None else DAY_0 + timedelta(pair[0] + pair[1]),
        )
    ),
    max_size=4,
)
work_periods = closed.map(
    lambda pair: WorkPeriod(first=DAY_0 + timedelta(pair[0]), last=DAY_0 + timedelta(pair[0] + pair[1]))
)


def _first_inactive_day_by_day(work: WorkPeriod, active: list[Period]) -> date | None:
    day = work.first
    while day <= work.last:
        if not any(period.first <= day and (period.last is None or day <= period.last) for period in active):
            return day
        day += timedelta(1)
    return None


@settings(max_examples=500)
@given(work_periods, active_periods)
def test_active_days_are_as_counted_one_by_one(work: WorkPeriod, active: list[Period]) -> None:
    assert first_day_not_covered(work, active) == _first_inactive_day_by_day(work, active)
