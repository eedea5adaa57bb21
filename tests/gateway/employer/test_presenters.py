"""What an employer sees of an employment."""

from __future__ import annotations

from datetime import date

import pytest
from frikort_contracts.http.common import Days
from frikort_contracts.values import Period

from services.gateway.employer import presenters
from services.gateway.people.texts import KnownContact
from services.gateway.projections import cards
from services.gateway.projections.cards import CardView
from services.gateway.projections.employments import EmploymentView
from tests.gateway.build import CARD, CVR, EMPLOYMENT, NOON, after, issued

CONTACT = KnownContact("Bo Kontakt", "bo@example.dk", "12 34 56 78")


def card_active(*periods: Period) -> CardView:
    return after(cards.PROJECTION, [issued()]).model_copy(update={"active_periods": list(periods)})


def employment_of(period: Period) -> EmploymentView:
    return EmploymentView(
        employment_id=EMPLOYMENT,
        card_id=CARD,
        revision=1,
        cvr=CVR,
        period=period,
        contact="encrypted",
        registered_at=NOON,
        order="1",
    )


@pytest.mark.parametrize(
    ("period", "active", "days"),
    [
        (Period(first=date(2026, 11, 2)), [Period(first=date(2026, 11, 28))], [Days(first=date(2026, 11, 28))]),
        (Period(first=date(2026, 11, 2)), [Period(first=date(2026, 1, 1))], [Days(first=date(2026, 11, 2))]),
        (
            Period(first=date(2026, 1, 1), last=date(2026, 6, 30)),
            [Period(first=date(2025, 1, 1), last=date(2026, 2, 1)), Period(first=date(2026, 6, 1))],
            [
                Days(first=date(2026, 1, 1), last=date(2026, 2, 1)),
                Days(first=date(2026, 6, 1), last=date(2026, 6, 30)),
            ],
        ),
        (Period(first=date(2026, 1, 1), last=date(2026, 1, 31)), [Period(first=date(2026, 6, 1))], []),
    ],
    ids=["active later", "active before", "a gap", "never active"],
)
def test_an_employment_has_the_days_on_which_its_card_is_active(
    period: Period, active: list[Period], days: list[Days]
) -> None:
    """D3."""
    shown = presenters.employment(employment_of(period), CONTACT, None, card_active(*active))
    assert shown.active_days == days
