"""Mandates: granted and withdrawn by a citizen or their municipality, with limits in time and number."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from frikort_contracts.issuance import (
    GrantMandate,
    HandOverCard,
    MandateGranted,
    MandateScope,
    MandateWithdrawn,
    WithdrawMandate,
)
from frikort_contracts.messages import Command
from frikort_contracts.outcomes import CommandAccepted, CommandRefused
from frikort_contracts.values import CitizenSide, EncryptedPerson

from services.issuance.card import Card
from services.issuance.mandates import MAX_IN_FORCE, last_day_allowed
from services.issuance.processor import cards
from services.runtime.processing.decision import Decision
from tests.contracts.examples import PERSON, envelope

HOME, ELSEWHERE = "849", "101"
TODAY = date(2025, 6, 2)
HOLDER = PERSON.model_copy(update={"cpr_hash": "m" * 22})


def a_card() -> Card:
    return Card(
        card_id="card-1", revision=1, numbers=("12345",), municipality=HOME, person=PERSON, active=True, issued=2025
    )


def grant(until: date = TODAY, holder: EncryptedPerson = HOLDER, municipality: str | None = None) -> GrantMandate:
    return GrantMandate(
        card_id="card-1",
        actor="a",
        municipality=municipality,
        holder=holder,
        scope=MandateScope.REPRESENT,
        until=until,
    )


def withdraw(mandate_id: str, municipality: str | None = None) -> WithdrawMandate:
    return WithdrawMandate(card_id="card-1", actor="a", municipality=municipality, mandate_id=mandate_id)


class CardHistory:
    """One card, and the commands applied to it in order."""

    def __init__(self) -> None:
        self.card = a_card()
        self._applied = 0

    def apply(self, command: Command, on: date = TODAY, *, hour: int = 10) -> Decision[Card]:
        self._applied += 1
        at = datetime(on.year, on.month, on.day, hour, tzinfo=UTC)
        decision = cards(b"").decide(self.card, envelope(command, f"command {self._applied}", time=at))
        assert decision.state is not None
        self.card = Card.model_validate_json(decision.state.model_dump_json())
        return decision

    def granted(self, until: date = TODAY, **how: Any) -> str:
        """The id of a new mandate."""
        outcome = self.apply(grant(until, **how)).events[-1]
        assert isinstance(outcome, CommandAccepted), outcome
        return str(outcome.mandate_id)

    def refused(self, command: Command, on: date = TODAY, *, hour: int = 10) -> tuple[str, dict[str, str | int]]:
        before_command = self.card
        (outcome,) = self.apply(command, on, hour=hour).events
        assert isinstance(outcome, CommandRefused), outcome
        assert self.card == before_command
        return outcome.problem, outcome.detail


@pytest.mark.parametrize(("by", "side"), [(None, CitizenSide.CITIZEN), (HOME, CitizenSide.MUNICIPALITY)])
def test_the_citizen_or_the_municipality_grants_and_withdraws_a_mandate(by: str | None, side: CitizenSide) -> None:
    history = CardHistory()
    granted, outcome = history.apply(grant(municipality=by)).events
    assert isinstance(granted, MandateGranted)
    assert isinstance(outcome, CommandAccepted)
    assert (granted.holder, granted.scope, granted.until, granted.by) == (HOLDER, MandateScope.REPRESENT, TODAY, side)
    assert (granted.municipality, granted.revision) == (HOME, 2)
    assert (outcome.mandate_id, outcome.revision) == (granted.mandate_id, 2)

    withdrawn, outcome = history.apply(withdraw(granted.mandate_id, municipality=by)).events
    assert isinstance(withdrawn, MandateWithdrawn)
    assert isinstance(outcome, CommandAccepted)
    assert (withdrawn.mandate_id, withdrawn.by, withdrawn.revision) == (granted.mandate_id, side, 3)
    assert outcome.mandate_id == granted.mandate_id


def test_each_side_can_withdraw_a_mandate_that_the_other_granted() -> None:
    history = CardHistory()
    by_citizen, by_caseworker = history.granted(), history.granted(municipality=HOME)
    for command in (withdraw(by_citizen, municipality=HOME), withdraw(by_caseworker)):
        assert isinstance(history.apply(command).events[0], MandateWithdrawn)


@pytest.mark.parametrize("until", [TODAY, date(2030, 6, 2)])
def test_a_mandate_can_end_today_and_in_five_years(until: date) -> None:
    assert CardHistory().granted(until)


@pytest.mark.parametrize("until", [date(2025, 6, 1), date(2030, 6, 3)])
def test_a_mandate_that_ends_in_the_past_or_after_five_years_is_refused(until: date) -> None:
    facts = {"first_day": "2025-06-02", "last_day": "2030-06-02"}
    assert CardHistory().refused(grant(until)) == ("mandate-date-out-of-range", facts)


def test_today_is_the_danish_day() -> None:
    yesterday_in_denmark = date(2025, 6, 2)
    assert CardHistory().refused(grant(yesterday_in_denmark), hour=23)[0] == "mandate-date-out-of-range"


@pytest.mark.parametrize(
    ("today", "last"),
    [
        (date(2025, 6, 2), date(2030, 6, 2)),
        (date(2024, 2, 29), date(2029, 2, 28)),
        (date(2024, 2, 28), date(2029, 2, 28)),
        (date(2025, 12, 31), date(2030, 12, 31)),
    ],
)
def test_the_last_day_allowed_is_five_years_ahead(today: date, last: date) -> None:
    assert last_day_allowed(today) == last


def test_a_mandate_to_the_citizen_is_refused() -> None:
    assert CardHistory().refused(grant(holder=PERSON)) == ("mandate-to-self", {})


def test_at_most_twenty_mandates_are_in_force() -> None:
    history = CardHistory()
    tomorrow = TODAY + timedelta(days=1)
    ids = [history.granted(tomorrow if number else TODAY) for number in range(MAX_IN_FORCE)]
    assert history.refused(grant()) == ("too-many-mandates", {})
    history.apply(withdraw(ids[1]))
    history.granted(tomorrow)
    assert history.refused(grant()) == ("too-many-mandates", {})
    assert history.apply(grant(tomorrow), on=tomorrow).events[0].key == "card-1"  # the first has ended
    assert history.refused(grant(tomorrow), on=tomorrow) == ("too-many-mandates", {})


def test_an_unknown_mandate_cannot_be_withdrawn() -> None:
    assert CardHistory().refused(withdraw("mandate-1")) == ("mandate-unknown", {})


def test_a_mandate_ends_after_its_last_day_or_when_it_is_withdrawn() -> None:
    history = CardHistory()
    first, second = history.granted(TODAY), history.granted(TODAY)
    history.apply(withdraw(first), hour=21)
    assert history.refused(withdraw(first)) == ("mandate-ended", {})
    assert history.refused(withdraw(second), hour=22) == ("mandate-ended", {})  # midnight in Denmark has passed


def test_a_mandate_follows_the_card_to_another_municipality() -> None:
    history = CardHistory()
    mandate_id = history.granted()
    history.apply(HandOverCard(card_id="card-1", municipality=HOME, actor="a", to_municipality=ELSEWHERE))
    assert history.refused(withdraw(mandate_id, municipality=HOME)) == ("card-unknown", {})
    withdrawn = history.apply(withdraw(mandate_id, municipality=ELSEWHERE)).events[0]
    assert isinstance(withdrawn, MandateWithdrawn)
    assert withdrawn.municipality == ELSEWHERE
