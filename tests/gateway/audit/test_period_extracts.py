"""Whose access log shows the extract of a period: that of a card which was paid in the month, at the time."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.gateway.audit import texts
from services.gateway.audit.extracts import extracts_with
from services.gateway.audit.log import of_month, of_year
from services.gateway.formats import Language
from services.gateway.ordering import stamp
from services.gateway.projections.reports import ReportEntry, ReportView
from tests.gateway.audit.test_entries import access, booked
from tests.gateway.build import CARD, CVR, NOON, card_view

MONTHS: Final = ("2025-05", "2025-06")
Paid = tuple[datetime, int, str]
HISTORIES: Final = st.lists(
    st.tuples(
        st.integers(0, 9).map(lambda day: NOON + timedelta(days=day)),
        st.sampled_from([0, 5, 10]),
        st.sampled_from(MONTHS),
    ),
    min_size=1,
    max_size=4,
).map(sorted)
CARD_VIEW: Final = card_view((NOON - timedelta(days=1), "101"))


def report(number: int, history: list[Paid]) -> ReportView:
    """A report with these totals in these months, one after the other; a total of 0 is a withdrawal."""
    return ReportView(
        report_id=str(number),
        card_id=CARD,
        employment_id="e",
        cvr=CVR,
        year=2025,
        history=[
            ReportEntry(
                revision=revision,
                event="corrected" if total else "withdrawn",
                at=at,
                booked=booked(total).model_copy(update={"payment_date": date.fromisoformat(f"{month}-15")})
                if total
                else None,
            )
            for revision, (at, total, month) in enumerate(history, 1)
        ],
    )


@given(
    st.lists(HISTORIES, max_size=3),
    st.integers(-1, 11).map(lambda day: NOON + timedelta(days=day, hours=1)),
    st.sampled_from(MONTHS),
    st.sampled_from([None, "101", "751", CVR]),
)
def test_a_card_is_in_a_month_if_it_was_paid_in_it_at_the_time(
    histories: list[list[Paid]], drawn: datetime, month: str, whose: str | None
) -> None:
    spans = extracts_with(CARD_VIEW, [report(number, history) for number, history in enumerate(histories)])

    latest = [next(((t, m) for at, t, m in reversed(h) if at <= drawn), (0, "")) for h in histories]
    paid = sum(total for total, paid_in in latest if paid_in == month)
    expected = paid > 0 and whose != "751"
    found = [s for s in spans if s.subject == of_month(month, whose) and s.since <= stamp(drawn) < s.until]
    assert len(found) == expected


def test_a_dispute_does_not_hide_the_extracts_with_a_report() -> None:
    disputed = report(1, [(NOON, 5, "2025-05")])
    disputed.history.append(
        ReportEntry(revision=1, event="disputed", at=NOON + timedelta(days=1), reason="wrong-amount")
    )

    spans = {span.subject: span for span in extracts_with(CARD_VIEW, [disputed])}

    for subject in (of_year(2025, None), of_month("2025-05", None)):
        assert spans[subject].until == "9999"


@pytest.mark.parametrize(
    ("language", "when"), [(Language.DANISH, ", for november 2025"), (Language.ENGLISH, ", of November 2025")]
)
def test_a_citizen_reads_which_month_was_drawn(language: Language, when: str) -> None:
    entry = access(action="draw-extract", subject=of_month("2025-11", "849"))
    (line,) = texts.page([entry], None, language).accesses
    assert line.description.endswith(when)
