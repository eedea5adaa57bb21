"""The history of a card, from the events of issuance and balance."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from frikort_contracts.cloudevents import Envelope
from frikort_contracts.issuance import CardDeactivated, CardReactivated
from frikort_contracts.messages import Event

from services.exports.statistics.card_history import CardHistory, Totals, project
from tests.exports.build import A, B, Ledger, handed_over, issued
from tests.sources import source_for


def at(event: Event, time: str) -> Envelope[Any]:
    made = uuid4()
    return Envelope(
        id=made,
        time=datetime.fromisoformat(time).replace(tzinfo=UTC),
        source=source_for(event),
        data=event,
        correlation_id=made,
    )


def history(*messages: Envelope[Any]) -> CardHistory:
    card: CardHistory | None = None
    for message in messages:
        card = project(card, message)
    assert card is not None
    return card


def deactivated(revision: int) -> CardDeactivated:
    first = issued()
    return CardDeactivated(
        card_id=first.card_id,
        revision=revision,
        municipality="101",
        actor="caseworker",
        last_active_day=datetime(2025, 3, 3, tzinfo=UTC).date(),
        case_reference="S-2",
    )


def reactivated(revision: int) -> CardReactivated:
    return CardReactivated(
        card_id=issued().card_id,
        revision=revision,
        municipality="101",
        actor="caseworker",
        active_from=datetime(2025, 5, 1, tzinfo=UTC).date(),
        case_reference="S-3",
    )


def test_the_place_and_state_of_a_card_follow_its_events() -> None:
    card = history(
        at(issued(), "2025-01-31T23:30"),  # in Denmark it is 1 February
        at(handed_over("147"), "2025-02-10T12:00"),
        at(deactivated(3), "2025-03-03T12:00"),
        at(reactivated(4), "2025-05-01T12:00"),
    )

    assert card.first_month == "2025-02"
    assert card.at_end_of("2025-01") is None
    february, march, may = (card.at_end_of(month) for month in ("2025-02", "2025-03", "2025-05"))
    assert february is not None
    assert (february.municipality, february.active) == ("147", True)
    assert march is not None
    assert not march.active
    assert may is not None
    assert may.active


def test_the_totals_of_a_month_are_those_after_its_last_change() -> None:
    ledger = Ledger(allowance=1_000)
    messages = [
        *(at(event, "2025-01-10T12:00") for event in ledger.report("r1", A, 300)),
        *(at(event, "2025-01-20T12:00") for event in ledger.report("r2", B, 300)),
        *(at(event, "2025-03-20T12:00") for event in ledger.report("r3", B, 600)),
    ]

    year = history(*messages).years[2025]

    assert year.totals("2024-12") == Totals(0, 0)
    assert year.totals("2025-01") == Totals(600, 0)
    assert year.totals("2025-02") == Totals(600, 0)
    assert year.totals("2025-03") == Totals(1_000, 200)
    assert year.employers_until("2025-01") == {A, B}
    assert year.employers_until("2024-12") == set()


def test_a_repeated_or_older_event_changes_nothing() -> None:
    ledger = Ledger(allowance=1_000)
    messages = [
        at(issued(), "2025-01-02T12:00"),
        at(handed_over("147"), "2025-02-10T12:00"),
        *(at(event, "2025-01-10T12:00") for event in ledger.report("r1", A, 300)),
        *(at(event, "2025-02-20T12:00") for event in ledger.report("r2", B, 300)),
    ]
    card = history(*messages)

    for message in messages:
        assert project(card, message) is card


def test_earnings_can_arrive_before_the_card() -> None:
    ledger = Ledger()
    earnings = [at(event, "2025-01-10T12:00") for event in ledger.report("r1", A, 300)]

    card = history(*earnings, at(issued(), "2025-01-02T12:00"))

    assert card.first_month == "2025-01"
    assert card.years[2025].totals("2025-01").reported == 300
