"""A municipality can require a case number of its own form as the purpose, at the API and at the page."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from typing import Any, Final

import httpx2
import pytest
from frikort_contracts.http.roles import Role
from pydantic import ValidationError

from services.gateway.audit.case_numbers import CaseNumberForm, fits
from services.gateway.auth import Caller
from services.gateway.person_encryption import Person
from services.gateway.projections import cards
from tests.gateway.build import CARD, after, issued, persons
from tests.gateway.memory import MemoryGateway, memory_gateway

FORMS: Final = {"101": {"mask": "S-0000-AX", "example": "S-2025-ø7"}}


@pytest.mark.parametrize(
    ("mask", "text", "expected"),
    [
        ("S-0000", "S-2025", True),
        ("S-0000", "s-2025", False),
        ("S-0000", "S-20255", False),
        ("S-0000", "S-202٣", False),  # an Arabic digit
        ("AAX", "æØ9", True),
        ("AAX", "A99", False),
        ("0.0", "1.2", True),
        ("0.0", "112", False),
    ],
)
def test_a_mask_is_digits_letters_and_the_characters_themselves(mask: str, text: str, *, expected: bool) -> None:
    assert fits(mask, text) == expected


def test_an_example_must_have_the_form() -> None:
    with pytest.raises(ValidationError, match="does not have the form"):
        CaseNumberForm(mask="S-0000", example="S-20")


def test_the_longest_input_is_checked_at_once() -> None:
    form = CaseNumberForm(mask="X" * 60, example="a" * 60)
    begun = time.perf_counter()
    assert not form.is_stated_in(": " * 100_000 + "a")
    assert time.perf_counter() - begun < 0.05


class Office:
    """The API with a caseworker of a municipality that requires a case number, and one of another."""

    def __init__(self, world: MemoryGateway, client: httpx2.AsyncClient) -> None:
        self.world = world
        self._client = client

    async def look_up(self, purpose: str, who: str = "caseworker") -> httpx2.Response:
        headers = {"authorization": f"Bearer {who}", "access-reason": purpose.encode().decode("latin-1")}
        return await self._client.get(f"/v1/cards/{CARD}", headers=headers)

    async def decide(self, reference: str) -> httpx2.Response:
        headers = {
            "authorization": "Bearer caseworker",
            "idempotency-key": reference.replace(" ", "-"),
            "prefer": "wait=0",
        }
        body: dict[str, Any] = {"case_reference": reference}
        return await self._client.post(f"/v1/cards/{CARD}/deactivation", json=body, headers=headers)


@pytest.fixture
async def office() -> AsyncIterator[Office]:
    world = await memory_gateway(case_number_forms=FORMS)
    world.callers.update(
        caseworker=Caller("issuer", "c", "worker-1", Role.CASEWORKER, "101"),
        elsewhere=Caller("issuer", "c", "worker-2", Role.CASEWORKER, "751"),
    )
    card = issued(person=persons().encrypt(Person("7301854321", "Karla Eksempel"), CARD))
    world.models.put("cards", CARD, after(cards.PROJECTION, [card]))
    transport = httpx2.ASGITransport(app=world.app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://gateway") as client:
        yield Office(world, client)


@pytest.mark.parametrize("purpose", ["S-2024-b2", "Kontrol: S-2025-K3"])
async def test_a_purpose_with_a_case_number_is_accepted(office: Office, purpose: str) -> None:
    assert (await office.look_up(purpose)).status_code == 200


@pytest.mark.parametrize("purpose", ["Kontrol", "S-2024-b2 og mere", "EMN-2024-1"])
async def test_a_purpose_without_one_is_refused_with_an_example(office: Office, purpose: str) -> None:
    refused = await office.look_up(purpose)
    assert (refused.status_code, refused.json()["code"]) == (422, "case-number-required")
    assert "S-2025-ø7" in refused.json()["detail"]
    assert office.world.accesses.take() == []


async def test_the_reference_of_a_decision_must_be_a_case_number(office: Office) -> None:
    assert (await office.decide("min sag")).json()["code"] == "case-number-required"
    assert office.world.producer.records == []
    assert (await office.decide("S-2025-K3")).status_code == 202


async def test_another_municipality_writes_what_it_wants(office: Office) -> None:
    assert (await office.look_up("Kontrol", "elsewhere")).json()["code"] == "card-unknown"
