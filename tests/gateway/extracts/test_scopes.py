"""Who may request which extract, and that no other caller reads it."""

from __future__ import annotations

from typing import Final
from uuid import UUID

import httpx2
import pytest
from frikort_contracts.cloudevents import decode
from frikort_contracts.extract_files import ExtractKind
from frikort_contracts.extracts import Authority
from frikort_contracts.http.extracts import ExtractBody, ExtractContent, OwnExtractBody
from frikort_contracts.http.roles import Role
from frikort_contracts.topics import EXTRACT_REQUESTS

from services.gateway.auth import Caller
from services.gateway.extracts.requests import StoredExtractRequest
from services.gateway.extracts.scopes import Requester, Scope, scope_of
from services.gateway.person_encryption import Person
from services.gateway.projections import cards
from tests.gateway.build import CARD, NOON, after, issued, persons
from tests.gateway.memory import MemoryGateway, memory_gateway

CPR: Final = "7301854321"
OTHER_CARD: Final = "8f0c3a52-7b8e-4a53-9c59-0d6f4c6a1b99"
CALLERS: Final = {
    "skat": Caller("issuer", "c", "analyst-1", Role.AUTHORITY, "skat"),
    "star": Caller("issuer", "c", "analyst-2", Role.AUTHORITY, "star"),
    "101": Caller("issuer", "c", "worker-1", Role.CASEWORKER, "101"),
    "849": Caller("issuer", "c", "worker-2", Role.CASEWORKER, "849"),
    "citizen": Caller("issuer", "c", "citizen-1", Role.CITIZEN, persons().cpr_hash(CPR)),
    "employer": Caller("issuer", "c", "bookkeeper-1", Role.EMPLOYER, "10000009"),
    "other employer": Caller("issuer", "c", "bookkeeper-2", Role.EMPLOYER, "10000017"),
    "auditor": Caller("issuer", "c", "auditor-1", Role.AUDITOR, "dpo"),
}
PATHS: Final = {
    "/v1/extracts": ("skat", "star"),
    "/v1/municipality/extracts": ("101", "849"),
    "/v1/employer/extracts": ("employer", "other employer"),
    "/v1/me/extracts": ("citizen",),
}
EXTRACTS: Final = {
    Requester(Role.AUTHORITY, "skat"): "extract-skat",
    Requester(Role.AUTHORITY, "star"): "extract-star",
    Requester(Role.CASEWORKER, "101"): "extract-101",
    Requester(Role.CASEWORKER, "849"): "extract-849",
    Requester(Role.EMPLOYER, "10000009"): "extract-employer",
    Requester(Role.EMPLOYER, "10000017"): "extract-other employer",
    Requester(Role.CITIZEN, CARD): "extract-citizen",
    Requester(Role.CITIZEN, OTHER_CARD): "extract-other",
}


@pytest.mark.parametrize(
    ("requester", "body", "scope"),
    [
        (
            Requester(Role.AUTHORITY, Authority.SKAT),
            ExtractBody(year=2025),
            Scope(ExtractKind.TAX_YEAR),
        ),
        (
            Requester(Role.AUTHORITY, Authority.STAR),
            ExtractBody(year=2025, municipality="101"),
            Scope(ExtractKind.FOLLOW_UP, "101"),
        ),
        (
            Requester(Role.AUTHORITY, Authority.STAR),
            ExtractBody(year=2025, content=ExtractContent.STATISTICS),
            Scope(ExtractKind.STATISTICS),
        ),
        (Requester(Role.CASEWORKER, "849"), OwnExtractBody(year=2025), Scope(ExtractKind.MUNICIPALITY, "849")),
        (Requester(Role.CITIZEN, "card-1"), OwnExtractBody(year=2025), Scope(ExtractKind.CITIZEN, card_id="card-1")),
    ],
)
def test_the_requester_decides_what_an_extract_contains(
    requester: Requester, body: ExtractBody | OwnExtractBody, scope: Scope
) -> None:
    assert scope_of(requester, body) == scope


@pytest.mark.parametrize("role", [Role.AUDITOR])
def test_other_roles_get_no_extract(role: Role) -> None:
    with pytest.raises(ValueError, match="no extracts"):
        scope_of(Requester(role, "x"), OwnExtractBody(year=2025))


@pytest.fixture
async def gateway() -> MemoryGateway:
    """A gateway with an extract of each requester, and the citizen's card."""
    gateway = await memory_gateway()
    gateway.callers.update(CALLERS)
    view = after(cards.PROJECTION, [issued(person=persons().encrypt(Person(CPR, "Karla Eksempel"), CARD))])
    gateway.models.put("cards", CARD, view)
    for requester, extract_id in EXTRACTS.items():
        await gateway.extract_requests.add(
            StoredExtractRequest(
                extract_id=extract_id,
                requester=requester.text,
                kind=ExtractKind.STATISTICS,
                year=2025,
                municipality=None,
                requested_at=NOON,
            )
        )
    return gateway


def client_of(gateway: MemoryGateway, caller: str) -> httpx2.AsyncClient:
    headers = {"authorization": f"Bearer {caller}", "access-reason": "sag", "prefer": "wait=0"}
    transport = httpx2.ASGITransport(app=gateway.app)
    return httpx2.AsyncClient(transport=transport, base_url="http://gateway", headers=headers)


@pytest.mark.parametrize("caller", CALLERS)
async def test_a_requester_reads_its_own_extracts_and_no_others(gateway: MemoryGateway, caller: str) -> None:
    async with client_of(gateway, caller) as client:
        for path, callers in PATHS.items():
            listed = await client.get(path)
            if caller not in callers:
                assert listed.json()["code"] == "role-not-allowed"
                continue
            assert [each["extract_id"] for each in listed.json()["extracts"]] == [f"extract-{caller}"]
            for extract_id in EXTRACTS.values():
                answers = [
                    await client.get(f"{path}/{extract_id}{rest}") for rest in ("", "/manifest", "/files/parquet")
                ]
                codes = [answer.json().get("code") for answer in answers]
                own = [None, "evidence-not-ready", "extract-not-ready"]
                assert codes == (own if extract_id == f"extract-{caller}" else ["extract-unknown"] * 3)


@pytest.mark.parametrize(
    ("caller", "path", "kind", "municipality", "card_id"),
    [
        ("skat", "/v1/extracts", ExtractKind.TAX_YEAR, None, None),
        ("849", "/v1/municipality/extracts", ExtractKind.MUNICIPALITY, "849", None),
        ("citizen", "/v1/me/extracts", ExtractKind.CITIZEN, None, CARD),
    ],
)
async def test_a_request_becomes_a_command_of_the_requesters_scope(
    gateway: MemoryGateway, caller: str, path: str, kind: ExtractKind, municipality: str | None, card_id: str | None
) -> None:
    async with client_of(gateway, caller) as client:
        answer = await client.post(path, json={"year": 2025}, headers={"idempotency-key": "one"})

    assert answer.status_code == 202, answer.text
    (record,) = gateway.producer.records
    command = decode(EXTRACT_REQUESTS, record.value, record.headers)
    assert (command.data.kind, command.data.municipality, command.data.card_id) == (kind, municipality, card_id)
    assert command.id == UUID(answer.json()["command_id"])


async def test_a_caseworker_cannot_choose_a_municipality(gateway: MemoryGateway) -> None:
    async with client_of(gateway, "849") as client:
        body = {"year": 2025, "municipality": "101"}
        answer = await client.post("/v1/municipality/extracts", json=body, headers={"idempotency-key": "one"})

    assert (answer.status_code, answer.json()["code"]) == (422, "invalid-request")
    assert gateway.producer.records == []
