"""Mandates: given and withdrawn by a citizen or their municipality, for some days and to some people."""

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
from frikort_contracts.values import CitizenSide, SealedPerson

from services.issuance.card import Card
from services.issuance.decide import decide
from services.issuance.mandates import MOST_IN_FORCE, last_day_allowed
from services.runtime.processing.decision import Decision
from tests.contracts.examples import PERSON, envelope

HOME, ELSEWHERE = "849", "101"
TODAY = date(2025, 6, 2)
HOLDER = PERSON.model_copy(update={"cpr_hash": "m" * 22})


def a_card() -> Card:
    return Card(
        card_id="card-1", revision=1, numbers=("12345",), municipality=HOME, person=PERSON, active=True, issued=2025
    )


def grant(until: date = TODAY, holder: SealedPerson = HOLDER, municipality: str | None = None) -> GrantMandate:
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


class Cards:
    """A card to which commands happen, one after the other."""

    def __init__(self) -> None:
        self.card = a_card()
        self._told = 0

    def tell(self, command: Command, on: date = TODAY, *, hour: int = 10) -> Decision[Card]:
        self._told += 1
        at = datetime(on.year, on.month, on.day, hour, tzinfo=UTC)
        decision = decide(self.card, envelope(command, f"command {self._told}", time=at))
        assert decision.state is not None
        self.card = Card.model_validate_json(decision.state.model_dump_json())
        return decision

    def granted(self, until: date = TODAY, **how: Any) -> str:
        """The id of a new mandate."""
        outcome = self.tell(grant(until, **how)).events[-1]
        assert isinstance(outcome, CommandAccepted), outcome
        return str(outcome.mandate_id)

    def refused(self, command: Command, on: date = TODAY, *, hour: int = 10) -> tuple[str, dict[str, str | int]]:
        before = self.card
        (outcome,) = self.tell(command, on, hour=hour).events
        assert isinstance(outcome, CommandRefused), outcome
        assert self.card == before
        return outcome.problem, outcome.detail


@pytest.mark.parametrize(("by", "side"), [(None, CitizenSide.CITIZEN), (HOME, CitizenSide.MUNICIPALITY)])
def test_a_mandate_is_given_and_withdrawn_by_the_citizen_or_the_municipality(by: str | None, side: CitizenSide) -> None:
    cards = Cards()
    granted, outcome = cards.tell(grant(municipality=by)).events
    assert isinstance(granted, MandateGranted)
    assert isinstance(outcome, CommandAccepted)
    assert (granted.holder, granted.scope, granted.until, granted.by) == (HOLDER, MandateScope.REPRESENT, TODAY, side)
    assert (granted.municipality, granted.revision) == (HOME, 2)
    assert (outcome.mandate_id, outcome.revision) == (granted.mandate_id, 2)

    withdrawn, outcome = cards.tell(withdraw(granted.mandate_id, municipality=by)).events
    assert isinstance(withdrawn, MandateWithdrawn)
    assert isinstance(outcome, CommandAccepted)
    assert (withdrawn.mandate_id, withdrawn.by, withdrawn.revision) == (granted.mandate_id, side, 3)
    assert outcome.mandate_id == granted.mandate_id


def test_either_side_may_withdraw_what_the_other_gave() -> None:
    cards = Cards()
    by_citizen, by_caseworker = cards.granted(), cards.granted(municipality=HOME)
    for command in (withdraw(by_citizen, municipality=HOME), withdraw(by_caseworker)):
        assert isinstance(cards.tell(command).events[0], MandateWithdrawn)


@pytest.mark.parametrize("until", [TODAY, date(2030, 6, 2)])
def test_the_first_and_the_last_day_that_are_allowed(until: date) -> None:
    assert Cards().granted(until)


@pytest.mark.parametrize("until", [date(2025, 6, 1), date(2030, 6, 3)])
def test_a_day_in_the_past_or_after_more_than_five_years_is_refused(until: date) -> None:
    facts = {"first_day": "2025-06-02", "last_day": "2030-06-02"}
    assert Cards().refused(grant(until)) == ("mandate-date-out-of-range", facts)


def test_today_is_the_danish_day() -> None:
    yesterday_in_denmark_already = date(2025, 6, 2)
    assert Cards().refused(grant(yesterday_in_denmark_already), hour=23)[0] == "mandate-date-out-of-range"


@pytest.mark.parametrize(
    ("today", "last"),
    [
        (date(2025, 6, 2), date(2030, 6, 2)),
        (date(2024, 2, 29), date(2029, 2, 28)),
        (date(2024, 2, 28), date(2029, 2, 28)),
        (date(2025, 12, 31), date(2030, 12, 31)),
    ],
)
def test_five_years_ahead(today: date, last: date) -> None:
    assert last_day_allowed(today) == last


def test_a_mandate_to_oneself_is_refused() -> None:
    assert Cards().refused(grant(holder=PERSON)) == ("mandate-to-self", {})


def test_twenty_are_in_force_at_a_time() -> None:
    cards = Cards()
    tomorrow = TODAY + timedelta(days=1)
    ids = [cards.granted(tomorrow if number else TODAY) for number in range(MOST_IN_FORCE)]
    assert cards.refused(grant()) == ("too-many-mandates", {})
    cards.tell(withdraw(ids[1]))
    cards.granted(tomorrow)
    assert cards.refused(grant()) == ("too-many-mandates", {})
    assert cards.tell(grant(tomorrow), on=tomorrow).events[0].key == "card-1"  # the first is over by itself
    assert cards.refused(grant(tomorrow), on=tomorrow) == ("too-many-mandates", {})


def test_a_mandate_that_never_was_cannot_be_withdrawn() -> None:
    assert Cards().refused(withdraw("mandate-1")) == ("mandate-unknown", {})


def test_a_mandate_is_over_after_its_last_day_and_once_it_is_withdrawn() -> None:
    cards = Cards()
    first, second = cards.granted(TODAY), cards.granted(TODAY)
    cards.tell(withdraw(first), hour=21)
    assert cards.refused(withdraw(first)) == ("mandate-ended", {})
    assert cards.refused(withdraw(second), hour=22) == ("mandate-ended", {})  # midnight in Denmark has passed


def test_a_mandate_follows_the_card_to_another_municipality() -> None:
    cards = Cards()
    mandate_id = cards.granted()
    cards.tell(HandOverCard(card_id="card-1", municipality=HOME, actor="a", to_municipality=ELSEWHERE))
    assert cards.refused(withdraw(mandate_id, municipality=HOME)) == ("card-unknown", {})
    withdrawn = cards.tell(withdraw(mandate_id, municipality=ELSEWHERE)).events[0]
    assert isinstance(withdrawn, MandateWithdrawn)
    assert withdrawn.municipality == ELSEWHERE
