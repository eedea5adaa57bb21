"""What was paid in a month: exact in every order of the topics, and the months of a year are its statement."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from frikort_contracts.messages import Event
from frikort_contracts.months import Months
from hypothesis import given
from hypothesis import strategies as st

from services.exports.card_feeds.payment_days import PaymentDays
from services.exports.card_year import ReportSplit
from services.exports.extracts.payments import DateUnknown, card_months, payments_in
from services.exports.statements import CardStatements
from services.runtime.processing.entries import EntryMap
from tests.exports.build import A, B, Ledger, corrected, disputed, issued, play, reported, withdrawn

YEAR = Months.of_year(2025)
DAYS = ("2025-01-31", "2025-02-01", "2025-02-28", "2025-12-31")
CVRS = {"r0": A, "r1": A, "r2": B}
Change = tuple[str, int, str]
changes = st.lists(
    st.tuples(st.sampled_from(sorted(CVRS)), st.sampled_from([0, 100, 2_500_000]), st.sampled_from(DAYS)), max_size=8
)


@dataclass
class Card:
    """A card with changes of its reports (id, total, payment date; a total of 0 withdraws): the events, and the truth.

    ``dates`` has the payment date of each report after each change.
    """

    balances: list[list[Event]] = field(default_factory=list)
    earnings: list[Any] = field(default_factory=list)
    dates: list[dict[str, str]] = field(default_factory=lambda: [{}])

    @classmethod
    def of(cls, made: Sequence[Change]) -> Card:
        card, ledger, revisions = cls(), Ledger(), dict[str, int]()
        for report_id, total, day in made:
            revision = revisions[report_id] = revisions.get(report_id, 0) + 1
            paid = total or (1 if revision == 1 else 0)  # a first report has an amount
            cvr = CVRS[report_id]
            if revision == 1:
                card.earnings.append(reported(report_id, cvr, paid, day))
            elif paid:
                card.earnings.append(corrected(report_id, cvr, paid, day, revision=revision))
            else:
                card.earnings.append(withdrawn(report_id, cvr, revision=revision))
            card.balances.append(ledger.report(report_id, cvr, paid, report_revision=revision))
            last = card.dates[-1]
            card.dates.append({**last, report_id: day if paid else last[report_id]})
        return card

    def statements(self, count: int) -> CardStatements:
        """The statements after so many events of balance."""
        state, _ = play([issued(), *self._balances[:count]])
        return state

    def payment_days(self, balances: int, earnings: int) -> PaymentDays:
        """The payment dates after so many events of both."""
        days = PaymentDays(EntryMap("2025"))
        for event in self._balances[:balances]:
            days = (
                days.balance_changed(event)
                if event.type.startswith("dk.frikort.balance")
                else days.report_settled(event)
            )
        for event in self.earnings[:earnings]:
            days = days.report_dated(event)
        return days

    @property
    def _balances(self) -> list[Any]:
        return [event for events in self.balances for event in events]


def splits_of(state: CardStatements) -> dict[str, Any]:
    return dict(state.year(2025).reports.items())


@given(changes)
def test_the_months_of_a_year_sum_to_its_statement_to_the_oere(made: list[Change]) -> None:
    card = Card.of(made)
    state = card.statements(99)
    lines = dict(card.payment_days(99, 99).lines.items())
    statement = state.year(2025).statement
    assert (statement is None) == (not made)
    if statement is None:
        return

    months = list(
        card_months(payments_in(YEAR, splits_of(state), lines), {"municipality": "101", "provisional": False})
    )

    names = ("reported", "exempt", "excess", "reports")
    assert {name: sum(month[name] for month in months) for name in names} == {
        name: getattr(statement, name) for name in names
    }
    by_employer = [(line["cvr"], line["exempt"], line["excess"]) for month in months for line in month["employers"]]
    for line in statement.employers:
        own = [(exempt, excess) for cvr, exempt, excess in by_employer if cvr == line.cvr]
        assert (sum(e for e, _ in own), sum(e for _, e in own)) == (line.exempt, line.excess)
    assert [month["month"] for month in months] == sorted({month["month"] for month in months})
    apart = [payments_in(Months(first=name, last=name), splits_of(state), lines) for name in YEAR.names]
    assert [payment for month in apart for payment in month] == payments_in(YEAR, splits_of(state), lines)


@given(changes, st.integers(0, 30), st.integers(0, 30), st.integers(0, 8))
def test_a_card_that_is_being_changed_is_exact_or_not_certain(
    made: list[Change], stated: int, balances: int, earnings: int
) -> None:
    """The two processors read each topic in order, and independently of each other."""
    card = Card.of(made)
    state = card.statements(stated)
    lines = dict(card.payment_days(balances, earnings).lines.items())
    totals = state.year(2025).totals
    dates = card.dates[0 if totals is None else totals.revision]
    try:
        payments = payments_in(YEAR, splits_of(state), lines)
    except DateUnknown:
        everything = len(card._balances)
        assert min(stated, balances) < everything or earnings < len(card.earnings)
        return
    expected = {
        report_id: (dates[report_id], ReportSplit(*split))
        for report_id, split in splits_of(state).items()
        if ReportSplit(*split).is_counted
    }
    assert {payment.report_id: (payment.day, payment.split) for payment in payments} == expected


def test_a_report_that_was_never_corrected_delays_nothing_while_another_one_moves_its_split() -> None:
    card = Card.of([("r0", 100, DAYS[0]), ("r1", 100, DAYS[1])])
    behind = card.statements(2)

    (payment,) = payments_in(YEAR, splits_of(behind), dict(card.payment_days(99, 99).lines.items()))

    assert (payment.report_id, payment.day) == ("r0", DAYS[0])


def test_the_date_of_a_correction_is_not_used_before_its_split() -> None:
    card = Card.of([("r0", 100, "2025-01-31"), ("r0", 200, "2025-02-28")])
    before = splits_of(card.statements(2))

    with pytest.raises(DateUnknown):
        payments_in(YEAR, before, dict(card.payment_days(2, 2).lines.items()))
    with pytest.raises(DateUnknown):
        payments_in(YEAR, before, dict(card.payment_days(4, 2).lines.items()))
    assert [p.day for p in payments_in(YEAR, before, dict(card.payment_days(2, 1).lines.items()))] == ["2025-01-31"]


def test_a_month_names_the_employers_of_its_reports_in_dispute() -> None:
    card = Card.of([("r0", 100, "2025-01-31"), ("r2", 100, "2025-02-28")])
    state, _ = play([issued(), *card._balances, disputed("r0")])
    lines = dict(card.payment_days(99, 99).lines.items())

    january, february = card_months(
        payments_in(YEAR, splits_of(state), lines), {"municipality": "101", "provisional": False}
    )

    assert (january["disputed_employers"], february["disputed_employers"]) == ([A], [])
