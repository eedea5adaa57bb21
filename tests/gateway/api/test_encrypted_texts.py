"""What a sender writes about a person leaves the gateway encrypted, and repeats of a request are still the same."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from typing import Any, Final

import httpx2
import pytest
from frikort_contracts.cloudevents import Record, decode
from frikort_contracts.http.roles import Role
from frikort_contracts.references import report_id_of
from frikort_contracts.topics import ISSUANCE_COMMANDS, REPORTING_COMMANDS, Topic
from frikort_contracts.values import Period

from services.gateway.auth import Caller
from services.gateway.people.texts import Contact, KnownContact
from services.gateway.person_encryption import Person
from services.gateway.projections import cards
from services.gateway.projections.employments import EmploymentView
from tests.gateway.build import CARD, CVR, EMPLOYMENT, NOON, after, issued, persons
from tests.gateway.memory import MemoryGateway, memory_gateway

CPR: Final = "7301854321"
REFERENCE: Final = "Karla Eksempels løn"
CASE: Final = "Karla 2025-0042"
CONTACT: Final = Contact("Quintus Kontakt", "quintus@example.dk", "12 34 56 78")
REPORT: Final[dict[str, Any]] = {
    "employment_id": EMPLOYMENT,
    "reference": REFERENCE,
    "work": {"first": "2025-05-01", "last": "2025-05-31"},
    "payment_date": "2025-05-30",
    "components": {"wage_ore": 100_000},
}


@pytest.fixture
async def world() -> MemoryGateway:
    """A gateway with a citizen who has a card and an employment."""
    world = await memory_gateway()
    world.callers.update(
        home=Caller("issuer", "c", "worker-1", Role.CASEWORKER, "101"),
        employer=Caller("issuer", "c", "bookkeeper-1", Role.EMPLOYER, CVR),
    )
    card = issued(person=persons().encrypt(Person(CPR, "Karla Eksempel"), CARD))
    world.models.put("cards", CARD, after(cards.PROJECTION, [card]))
    employment = EmploymentView(
        employment_id=EMPLOYMENT,
        card_id=CARD,
        revision=1,
        cvr=CVR,
        period=Period(first=date(2025, 1, 1)),
        contact=persons().encrypt_contact(CONTACT, CARD, CVR),
        registered_at=NOON,
        order="1",
    )
    world.models.put("employments", EMPLOYMENT, employment)
    return world


async def send(client: httpx2.AsyncClient, who: str, path: str, body: Mapping[str, Any], key: str = "k") -> int:
    headers = {"authorization": f"Bearer {who}", "idempotency-key": key, "prefer": "wait=0"}
    method = "PUT" if path.count("/") == 3 and "employments" in path else "POST"
    return (await client.request(method, path, json=body, headers=headers)).status_code


def the_command(world: MemoryGateway, topic: Topic) -> tuple[Record, Any]:
    """The only command that was published, however often."""
    records = {record.value: record for record in world.producer.records}
    (record,) = records.values()
    return record, decode(topic, record.value, record.headers).data


@pytest.mark.parametrize("path", ["/v1/reports", "/v1/reports/dry-run"])
async def test_the_reference_of_a_report_is_encrypted_beside_the_id_of_the_report(
    world: MemoryGateway, client: httpx2.AsyncClient, path: str
) -> None:
    assert await send(client, "employer", path, REPORT) == 202
    record, command = the_command(world, REPORTING_COMMANDS)
    assert REFERENCE.encode() not in record.value
    assert command.reference is None
    assert command.report_id == report_id_of(EMPLOYMENT, REFERENCE)
    assert persons().decrypt_reference(None, command.reference_ciphertext, command.report_id) == REFERENCE


async def test_the_same_request_again_publishes_the_same_bytes(
    world: MemoryGateway, client: httpx2.AsyncClient
) -> None:
    assert [await send(client, "employer", "/v1/reports", REPORT) for _ in range(2)] == [202, 202]
    assert len(world.producer.records) == 2
    the_command(world, REPORTING_COMMANDS)


async def test_another_reference_under_the_same_key_is_refused(client: httpx2.AsyncClient) -> None:
    assert await send(client, "employer", "/v1/reports", REPORT) == 202
    assert await send(client, "employer", "/v1/reports", REPORT | {"reference": "another"}) == 422


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/cards", {"cpr": "6101800101", "name": "Bo", "case_reference": CASE}),
        (f"/v1/cards/{CARD}/deactivation", {"case_reference": CASE}),
        (f"/v1/cards/{CARD}/reactivation", {"case_reference": CASE}),
    ],
)
async def test_the_reference_of_a_case_is_encrypted_and_states_the_reason_in_the_audit_log(
    world: MemoryGateway, client: httpx2.AsyncClient, path: str, body: dict[str, str]
) -> None:
    assert await send(client, "home", path, body) == 202
    (record,) = world.producer.records
    message = decode(ISSUANCE_COMMANDS, record.value, record.headers)
    assert CASE not in record.value.decode()
    assert json.loads(record.value).keys().isdisjoint({"case_reference"})
    assert persons().case_reference_of(message) == CASE
    assert [entry.reason for entry in world.accesses.take()] == [CASE]


async def test_a_contact_person_is_encrypted_with_keys_of_their_own(
    world: MemoryGateway, client: httpx2.AsyncClient
) -> None:
    body = {"period": {"first": "2025-01-01"}, "contact": CONTACT._asdict()}
    assert await send(client, "employer", f"/v1/employments/{EMPLOYMENT}", body) == 202
    record, command = the_command(world, REPORTING_COMMANDS)
    assert CONTACT.email.encode() not in record.value
    assert persons().keys.person_of_text(command.contact) in persons().contact_ids(CVR, CONTACT.email)
    assert persons().decrypt_contact(command.contact, CARD, CVR) == KnownContact(*CONTACT)
