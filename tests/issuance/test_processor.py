"""Commands of caseworkers about cards."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest
from frikort_contracts.cloudevents import Envelope
from frikort_contracts.issuance import (
    CardDeactivated,
    CardHandedOver,
    CardIssued,
    CardNumberReplaced,
    CardReactivated,
    ControlRecorded,
    ControlResult,
    DeactivateCard,
    GrantMandate,
    HandOverCard,
    IssueCard,
    MandateCommand,
    MandateScope,
    MunicipalCardCommand,
    ReactivateCard,
    RecordControl,
    ReplaceCardNumber,
    ReplacementReason,
    WithdrawMandate,
)
from frikort_contracts.messages import Command, Event
from frikort_contracts.outcomes import CommandAccepted, CommandRefused, Problem

from services.issuance.card import Card, aliases
from services.issuance.numbers import number_alias, number_candidates
from services.issuance.processor import cards
from services.runtime.processing.decision import Address, Decision
from tests.contracts.examples import PERSON, envelope, validated

SECRET = b"s" * 32
CARDS = cards(SECRET)
decide = CARDS.decide
HOME, ELSEWHERE = "849", "101"
NOON = datetime(2025, 6, 2, 10, 0, tzinfo=UTC)
HOLDER = PERSON.model_copy(update={"cpr_hash": "m" * 22})
ISSUE = IssueCard(person=PERSON, municipality=HOME, case_reference="case-1", actor="a")


def address(sent: Envelope[Any]) -> Address:
    found = CARDS.address_of(sent)
    assert found is not None
    return found


def message(command: Command, name: str = "command", at: datetime = NOON) -> Envelope[Any]:
    return envelope(command, name, time=at)


def a_card(
    *,
    revision: int = 1,
    numbers: tuple[str, ...] = ("12345",),
    municipality: str = HOME,
    active: bool = True,
    issued: int = 2025,
) -> Card:
    """A card of ``HOME``, issued in 2025 and active, unless a case changes that."""
    return Card(
        card_id="card-1",
        revision=revision,
        numbers=numbers,
        municipality=municipality,
        person=PERSON,
        active=active,
        issued=issued,
    )


def by(municipality: str = HOME) -> dict[str, str]:
    return {"card_id": "card-1", "municipality": municipality, "actor": "a"}


def only_event(decision: Decision[Card]) -> Event:
    event, outcome = decision.events
    assert decision.state is not None
    assert isinstance(outcome, CommandAccepted)
    assert outcome.revision == decision.state.revision == getattr(event, "revision", None)
    assert outcome.card_id == decision.state.card_id
    return validated(event)


def test_an_issued_card_is_active_from_the_danish_day_with_a_control_due_in_two_years() -> None:
    late = datetime(2025, 12, 31, 23, 30, tzinfo=UTC)  # 00.30 on New Year's Day in Denmark
    decision = decide(None, message(ISSUE, at=late))
    event = only_event(decision)
    assert isinstance(event, CardIssued)
    assert (event.active_from, event.control_due) == (date(2026, 1, 1), 2028)
    assert (event.municipality, event.person, event.case_reference) == (HOME, PERSON, "case-1")
    assert decision.state == Card(
        card_id=event.card_id, revision=1, numbers=(event.number,), municipality=HOME, person=PERSON, active=True,
        issued=2026,
    )  # fmt: skip
    assert address(message(ISSUE)).id == event.card_id


def test_the_day_of_deactivation_is_the_last_active_day() -> None:
    event = only_event(decide(a_card(), message(DeactivateCard(**by(), case_reference="c"))))
    assert isinstance(event, CardDeactivated)
    assert event.last_active_day == date(2025, 6, 2)


def test_the_day_of_deactivation_is_the_danish_day() -> None:
    late = datetime(2025, 6, 2, 22, 0, tzinfo=UTC)
    event = only_event(decide(a_card(), message(DeactivateCard(**by(), case_reference="c"), at=late)))
    assert isinstance(event, CardDeactivated)
    assert event.last_active_day == date(2025, 6, 3)


def test_a_reactivated_card_is_active_from_that_day() -> None:
    decision = decide(a_card(active=False), message(ReactivateCard(**by(), case_reference="c")))
    event = only_event(decision)
    assert isinstance(event, CardReactivated)
    assert event.active_from == date(2025, 6, 2)
    assert decision.state == a_card(revision=2)


def test_a_card_keeps_the_alias_of_its_replaced_number() -> None:
    decision = decide(a_card(), message(ReplaceCardNumber(**by(), reason=ReplacementReason.ABUSED)))
    event = only_event(decision)
    assert isinstance(event, CardNumberReplaced)
    assert event.previous_number == "12345" != event.number
    assert decision.state is not None
    assert set(aliases(decision.state)) == {f"cpr:{PERSON.cpr_hash}", "number:12345", f"number:{event.number}"}


def test_a_number_is_never_used_again_not_even_by_its_card() -> None:
    command = message(ReplaceCardNumber(**by(), reason=ReplacementReason.LOST))
    first, second, third, *_ = number_candidates(SECRET, command.id)
    decision = decide(a_card(numbers=(first, "12345")), command, frozenset({number_alias(second)}))
    event = only_event(decision)
    assert isinstance(event, CardNumberReplaced)
    assert event.number == third


def test_a_hand_over_makes_the_other_municipality_responsible() -> None:
    decision = decide(a_card(), message(HandOverCard(**by(), to_municipality=ELSEWHERE)))
    event = only_event(decision)
    assert isinstance(event, CardHandedOver)
    assert (event.from_municipality, event.municipality) == (HOME, ELSEWHERE)
    assert decision.state == a_card(municipality=ELSEWHERE, revision=2)


@pytest.mark.parametrize("active", [True, False], ids=["active", "deactivated"])
def test_after_a_control_the_next_is_due_in_two_years(active: bool) -> None:
    at = datetime(2027, 3, 1, 12, tzinfo=UTC)
    event = only_event(
        decide(a_card(active=active), message(RecordControl(**by(), result=ControlResult.NOT_UPHELD), at=at))
    )
    assert isinstance(event, ControlRecorded)
    assert (event.year, event.control_due, event.result) == (2027, 2029, ControlResult.NOT_UPHELD)


COMMANDS: list[MunicipalCardCommand | MandateCommand] = [
    DeactivateCard(**by(), case_reference="c"),
    ReactivateCard(**by(), case_reference="c"),
    ReplaceCardNumber(**by(), reason=ReplacementReason.LOST),
    HandOverCard(**by(), to_municipality=ELSEWHERE),
    RecordControl(**by(), result=ControlResult.UPHELD),
    GrantMandate(**by(), holder=HOLDER, scope=MandateScope.VIEW, until=date(2025, 12, 31)),
    WithdrawMandate(**by(), mandate_id="mandate-1"),
]


@pytest.mark.parametrize(
    ("card", "command", "problem", "detail"),
    [
        pytest.param(
            a_card(), ISSUE, Problem.CARD_EXISTS, {"municipality": HOME, "card_id": "card-1"}, id="a second card"
        ),
        pytest.param(
            a_card(active=False),
            ISSUE,
            Problem.CARD_EXISTS,
            {"municipality": HOME, "card_id": "card-1"},
            id="a second card while the first is deactivated",
        ),
        pytest.param(
            a_card(municipality=ELSEWHERE),
            ISSUE,
            Problem.CARD_EXISTS,
            {"municipality": ELSEWHERE},
            id="a second card from another municipality, which does not learn the card id",
        ),
        pytest.param(
            a_card(active=False),
            DeactivateCard(**by(), case_reference="c"),
            Problem.CARD_ALREADY_DEACTIVATED,
            {},
            id="a second deactivation",
        ),
        pytest.param(
            a_card(),
            ReactivateCard(**by(), case_reference="c"),
            Problem.CARD_ALREADY_ACTIVE,
            {},
            id="reactivation of an active card",
        ),
        pytest.param(
            a_card(),
            HandOverCard(**by(), to_municipality=HOME),
            Problem.SAME_MUNICIPALITY,
            {},
            id="a hand-over to the same municipality",
        ),
        pytest.param(
            a_card(),
            RecordControl(**by(), result=ControlResult.UPHELD),
            Problem.CONTROL_NOT_DUE,
            {"due": 2027},
            id="a control in the year of issue",
        ),
        pytest.param(
            a_card(issued=2026),
            RecordControl(**by(), result=ControlResult.UPHELD),
            Problem.CONTROL_NOT_DUE,
            {"due": 2028},
            id="a control before the year of issue, from a gateway whose clock is slow",
        ),
        *(
            pytest.param(None, command, Problem.CARD_UNKNOWN, {}, id=f"{type(command).__name__} of an unknown card")
            for command in COMMANDS
        ),
        *(
            pytest.param(
                a_card(municipality=ELSEWHERE),
                command,
                Problem.CARD_UNKNOWN,
                {},
                id=f"{type(command).__name__} by another municipality",
            )
            for command in COMMANDS
        ),
    ],
)
def test_the_command_is_refused_and_changes_nothing(
    card: Card | None, command: Command, problem: Problem, detail: dict[str, str | int]
) -> None:
    decision = decide(card, message(command))
    assert decision.state == card
    assert decision.events == (CommandRefused(command_id=str(message(command).id), problem=problem, detail=detail),)


DRAWING: list[Command] = [ISSUE, ReplaceCardNumber(**by(), reason=ReplacementReason.LOST)]


@pytest.mark.parametrize("command", DRAWING, ids=["issue", "replace"])
def test_numbers_are_exhausted_when_every_candidate_is_taken(command: Command) -> None:
    card = None if isinstance(command, IssueCard) else a_card()
    sent = message(command)
    decision = decide(card, sent, frozenset(address(sent).candidates))
    assert decision.state == card
    (outcome,) = decision.events
    assert isinstance(outcome, CommandRefused)
    assert outcome.problem == Problem.CARD_NUMBERS_EXHAUSTED


def test_only_commands_that_draw_a_number_ask_which_are_taken() -> None:
    asking = [type(command).__name__ for command in (ISSUE, *COMMANDS) if address(message(command)).candidates]
    assert asking == ["IssueCard", "ReplaceCardNumber"]


def test_a_person_has_one_card_by_alias() -> None:
    assert address(message(ISSUE)).alias == f"cpr:{PERSON.cpr_hash}" in CARDS.aliases(a_card())


EVERY: list[Command] = [ISSUE, *COMMANDS]


@pytest.mark.parametrize("command", EVERY, ids=lambda command: str(type(command).__name__))
def test_a_redelivered_message_leads_to_the_same_decision(command: Command) -> None:
    card = None if command is ISSUE else a_card()
    assert decide(card, message(command)) == decide(card, message(command))


def test_a_card_goes_through_every_change() -> None:
    card: Card | None = a_card()
    for command in (
        DeactivateCard(**by(), case_reference="c"),
        ReactivateCard(**by(), case_reference="c"),
        ReplaceCardNumber(**by(), reason=ReplacementReason.LOST),
        HandOverCard(**by(), to_municipality=ELSEWHERE),
        DeactivateCard(**by(ELSEWHERE), case_reference="c"),
    ):
        card = decide(card, message(command)).state
    assert card is not None
    assert (card.revision, card.active, card.municipality, len(card.numbers)) == (6, False, ELSEWHERE, 2)
