"""An auditor searches and exports the audit log, and is recorded in it."""

from __future__ import annotations

import csv
import io
from datetime import timedelta
from typing import Any, Final

import httpx2
import pytest
from frikort_contracts.http.roles import Role

from services.gateway.audit.log import WHOLE_LOG, Access, of_card, of_person
from services.gateway.auth import Caller
from services.gateway.ordering import stamp
from services.gateway.person_encryption import Person
from services.gateway.projections import cards
from tests.gateway.build import CARD, CVR, NOON, after, issued, persons
from tests.gateway.memory import MemoryGateway, memory_gateway

CPR: Final = "7301854321"
WITHOUT_CARD: Final = persons().cpr_hash("6101800101")
WHY: Final = "Tilsyn 2025-7"


@pytest.fixture
async def world() -> MemoryGateway:
    """A log with entries about a citizen with a card, and about a person without one."""
    world = await memory_gateway()
    world.callers.update(
        auditor=Caller("issuer", "c", "auditor-1", Role.AUDITOR, "dpo"),
        caseworker=Caller("issuer", "c", "worker-1", Role.CASEWORKER, "101"),
        citizen=Caller("issuer", "c", "citizen-1", Role.CITIZEN, persons().cpr_hash(CPR)),
    )
    card = issued(person=persons().encrypt(Person(CPR, "Karla Eksempel"), CARD))
    world.models.put("cards", CARD, after(cards.PROJECTION, [card]))
    await world.accesses.add(
        [
            entry(0, of_card(CARD), actor="worker-1", reason="S-1"),
            entry(1, of_card("another"), actor="worker-2", organisation="751", reason="S-2"),
            entry(2, of_person(WITHOUT_CARD), actor="worker-1", action="search", reason="=S-3"),
            entry(3, of_card(CARD), role=Role.EMPLOYER, organisation=CVR, actor="bookkeeper-1", reason=None),
        ]
    )
    return world


def entry(day: int, subject: str, **changes: Any) -> Access:
    given: dict[str, Any] = {
        "order": f"{stamp(NOON + timedelta(days=day))}|{day}",
        "subject": subject,
        "own": False,
        "action": "read-card",
        "refused": False,
        "role": Role.CASEWORKER,
        "organisation": "101",
        "actor": "worker-1",
        "reason": "S-1",
        "request": f"request-{day}",
    }
    return Access(**given | changes)


async def send(
    client: httpx2.AsyncClient, body: dict[str, Any], path: str = "search", who: str = "auditor"
) -> httpx2.Response:
    headers = {"authorization": f"Bearer {who}", "access-reason": WHY, "accept-language": "en"}
    return await client.post(f"/v1/audit/{path}", json=body, headers=headers)


@pytest.mark.parametrize(
    ("criteria", "found"),
    [
        ({}, [3, 2, 1, 0]),
        ({"cpr": CPR}, [3, 0]),
        ({"card_number": "12345"}, [3, 0]),
        ({"card_id": CARD}, [3, 0]),
        ({"cpr": "610180-0101"}, [2]),
        ({"cpr": CPR, "card_id": "another"}, []),
        ({"actor": "worker-1"}, [2, 0]),
        ({"organisation": "751"}, [1]),
        ({"organisation": "101", "role": "caseworker", "cpr": CPR}, [0]),
        ({"reason": "S-2"}, [1]),
        ({"first": "2025-06-02", "last": "2025-06-03"}, [2, 1]),
        ({"cpr": CPR, "first": "2025-06-02"}, [3]),
        ({"cpr": CPR, "last": "2025-06-01"}, [0]),
    ],
)
async def test_everything_that_is_given_must_hold(
    client: httpx2.AsyncClient, criteria: dict[str, Any], found: list[int]
) -> None:
    entries = (await send(client, criteria)).json()["entries"]
    assert [one["correlation_id"] for one in entries] == [f"request-{day}" for day in found]


async def test_an_entry_names_no_person(client: httpx2.AsyncClient) -> None:
    answer = await send(client, {})
    about = [(one["about"], one["card_id"], one["organisation"]) for one in answer.json()["entries"]]
    assert about == [("card", CARD, CVR), ("person", None, "101"), ("card", "another", "751"), ("card", CARD, "101")]
    assert answer.json()["entries"][1]["person"] == persons().pseudonym(WITHOUT_CARD)
    assert not any(secret in answer.text for secret in (CPR, "Karla", WITHOUT_CARD, persons().cpr_hash(CPR)))


async def test_pages_together_are_the_whole_list(client: httpx2.AsyncClient) -> None:
    seen, cursor = [], ""
    while cursor is not None:
        page = (await send(client, {"last": "2025-06-30"}, f"search?limit=3&cursor={cursor}")).json()
        seen += [one["correlation_id"] for one in page["entries"]]
        cursor = page["next"]
    assert seen == ["request-3", "request-2", "request-1", "request-0"]


@pytest.mark.parametrize("path", ["search", "export"])
async def test_each_person_who_is_shown_can_see_the_auditor(
    world: MemoryGateway, client: httpx2.AsyncClient, path: str
) -> None:
    before = set(world.accesses.lines)
    await send(client, {"organisation": "101"}, path)
    added = [line for order, line in world.accesses.lines.items() if order not in before]
    assert {line.subject for line in added} == {WHOLE_LOG, of_card(CARD), of_person(WITHOUT_CARD)}
    assert {(line.role, line.actor, line.reason) for line in added} == {(Role.AUDITOR, "auditor-1", WHY)}

    headers = {"authorization": "Bearer citizen", "accept-language": "en"}
    shown = (await client.get("/v1/me/accesses?own=false", headers=headers)).json()["accesses"][0]
    assert (shown["by"], shown["role"], shown["reason"]) == ("The audit (dpo)", "auditor", WHY)


async def test_a_search_that_finds_nothing_is_recorded(world: MemoryGateway, client: httpx2.AsyncClient) -> None:
    world.accesses.take()
    await send(client, {"actor": "no one"})
    await send(client, {"cpr": CPR})
    assert [line.subject for line in world.accesses.take()] == [WHOLE_LOG, of_card(CARD)]


async def test_an_export_is_a_csv_file_without_formulas_and_without_its_own_entries(
    client: httpx2.AsyncClient,
) -> None:
    answer = await send(client, {}, "export")
    rows = list(csv.DictReader(io.StringIO(answer.text.removeprefix("\ufeff"))))
    assert [row["Correlation id"] for row in rows] == [f"request-{day}" for day in (3, 2, 1, 0)]
    assert [row["Purpose"] for row in rows] == ["", "'=S-3", "S-2", "S-1"]
    assert rows[3]["When (Danish time)"] == "2025-06-01 14:00:00"
    assert "attachment" in answer.headers["content-disposition"]


@pytest.mark.parametrize("path", ["search", "export"])
@pytest.mark.parametrize("who", ["caseworker", "citizen"])
async def test_no_other_role_searches_the_log(client: httpx2.AsyncClient, path: str, who: str) -> None:
    refused = await send(client, {}, path, who)
    assert (refused.status_code, refused.json()["code"]) == (403, "role-not-allowed")


async def test_an_auditor_reads_nothing_else(client: httpx2.AsyncClient) -> None:
    headers = {"authorization": "Bearer auditor", "access-reason": WHY}
    assert (await client.get(f"/v1/cards/{CARD}", headers=headers)).status_code == 403


async def test_an_auditor_states_a_reason(client: httpx2.AsyncClient) -> None:
    refused = await client.post("/v1/audit/search", json={}, headers={"authorization": "Bearer auditor"})
    assert refused.json()["code"] == "access-reason-missing"
