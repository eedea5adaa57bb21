"""Properties: any order of arrival, any repetition of reports, and the arithmetic of active days."""

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

from services.reporting.card_state import CardState, first_day_not_covered
from tests.reporting.build import (
    CARD,
    EMPLOYMENT,
    ISSUED,
    CardHistory,
    accepted,
    answer,
    correct,
    deactivated,
    dispute,
    employed,
    issued,
    reactivated,
    register,
    report,
    sent,
    withdraw,
    withdraw_dispute,
)

KINDS = ("report", "report", "report", "correct", "withdraw", "dispute", "answer", "withdraw dispute")

# The card's events are forty days apart.
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
    """A command and the card revision that its sender had seen."""

    envelope: Envelope[Any]
    seen: int


@st.composite
def conversations(draw: st.DrawFn) -> list[Sent]:
    """Commands of one year in order, each about work up to the day on which it is sent."""
    commands = [Sent(sent(register(), "employment A", ISSUED), 1)]
    seen = 1
    for place in range(draw(st.integers(1, 8))):
        seen = draw(st.integers(seen, len(CARD_EVENTS)))
        today = ISSUED + timedelta(GAP * (seen - 1) + draw(st.integers(0, GAP - 1)))
        work = sorted(draw(st.tuples(st.dates(ISSUED, today), st.dates(ISSUED, today))))
        first, last = (moment.isoformat() for moment in work)
        paid = draw(st.dates(work[0], today)).isoformat()
        reference, wage = draw(st.sampled_from(("r1", "r2", "r3"))), draw(st.integers(1, 3))
        kind = draw(st.sampled_from(KINDS))
        command: Message
        if kind == "report":
            command = report(reference, first, last, paid, wage, card_revision=seen)
        elif kind == "correct":
            command = correct(reference, first, last, paid, wage, card_revision=seen)
        elif kind == "dispute":
            command = dispute(reference)
        elif kind == "answer":
            command = answer(reference)
        elif kind == "withdraw dispute":
            command = withdraw_dispute(reference)
        else:
            command = withdraw(reference)
        commands.append(Sent(sent(command, f"command {place}", today), seen))
    return commands


def play(arrivals: Sequence[Envelope[Any]]) -> tuple[list[Event], CardState]:
    history, events = CardHistory(), list[Event]()
    for envelope in arrivals:
        events.extend(history.deliver(envelope))
    assert history.state is not None
    return events, history.state


def in_order(commands: Sequence[Sent]) -> list[Envelope[Any]]:
    arrivals = list[Envelope[Any]]()
    for revision in range(1, len(CARD_EVENTS) + 1):
        arrivals.append(card_event(revision))
        arrivals.extend(command.envelope for command in commands if command.seen == revision)
    return arrivals


@settings(max_examples=120)
@given(conversations(), st.randoms(use_true_random=False))
def test_the_order_of_commands_and_card_events_changes_no_decision(sent_commands: list[Sent], random: Any) -> None:
    commands = [command.envelope for command in sent_commands]
    events = [card_event(n + 1) for n in range(len(CARD_EVENTS))]
    turns = ["command"] * len(commands) + ["event"] * len(events)
    random.shuffle(turns)
    any_order = [(commands if turn == "command" else events).pop(0) for turn in turns]

    emitted, state = play(any_order)
    assert (emitted, state) == play(in_order(sent_commands))
    assert state.deferred == ()


def test_a_command_before_its_card_event_is_deferred_with_all_later_commands() -> None:
    history = CardHistory()
    assert history.deliver(sent(register(), "employment A")) == ()
    assert history.apply(report()) == ()
    assert history.apply(withdraw()) == ()
    events = history.apply(issued())
    assert [type(event).__name__ for event in events] == [
        "EmploymentRegistered", "CommandAccepted", "EarningsReported", "CommandAccepted", "EarningsWithdrawn",
        "CommandAccepted",
    ]  # fmt: skip


def test_a_command_is_deferred_until_the_card_revision_that_its_sender_had_seen() -> None:
    history = employed()
    late = report("aug", "2025-05-01", "2025-05-02", "2025-05-02", card_revision=3)
    assert history.apply(late) == ()
    assert history.apply(deactivated(2, date(2025, 4, 30))) == ()
    assert accepted(history.apply(reactivated(3, date(2025, 5, 1)))).report_id is not None


@settings(max_examples=150)
@given(
    st.lists(st.tuples(st.sampled_from(("r1", "r2")), st.sampled_from(("resend", "correct"))), min_size=1, max_size=10)
)
def test_a_repeated_report_is_accepted_and_booked_once(steps: list[tuple[str, str]]) -> None:
    history = employed()
    booked: dict[str, str] = {}
    for number, (reference, what) in enumerate(steps):
        wage = 100 + int(reference[1])
        if what == "correct" and reference in booked:
            assert not accepted(history.apply(correct(reference, wage=1000 + number))).already_reported
            continue
        before = history.state
        events = history.apply(report(reference, wage=wage))
        outcome = accepted(events)
        assert outcome.employment_id == EMPLOYMENT
        assert outcome.report_id is not None
        assert outcome.already_reported is (reference in booked)
        assert booked.setdefault(reference, outcome.report_id) == outcome.report_id
        assert any(isinstance(event, EarningsReported) for event in events) is not outcome.already_reported
        if outcome.already_reported:
            assert history.state == before


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
def test_the_first_inactive_day_equals_a_count_day_by_day(work: WorkPeriod, active: list[Period]) -> None:
    assert first_day_not_covered(work, active) == _first_inactive_day_by_day(work, active)
