"""No route shows or changes a person's data without a record: calls every route, with and without the audit log."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Final
from urllib.parse import quote
from uuid import uuid4

import httpx2
import pytest
from fastapi import APIRouter, Depends, FastAPI
from frikort_contracts.cloudevents import Record
from frikort_contracts.evidence import EvidenceFile
from frikort_contracts.extract_files import ExtractKind, FileFormat
from frikort_contracts.http.roles import Role
from frikort_contracts.issuance import MandateScope
from frikort_contracts.values import CitizenSide, Period
from starlette.types import Message, Receive, Scope, Send

from services.gateway.api.audit_middleware import NotRecorded
from services.gateway.api.dependencies import RequestContext, caller_in
from services.gateway.audit import actions
from services.gateway.audit.routes import UndeclaredRoute, check_routes
from services.gateway.auth import Caller
from services.gateway.extracts.requests import StoredExtractRequest
from services.gateway.extracts.scopes import Requester
from services.gateway.payroll.upload import Upload
from services.gateway.people.texts import Contact
from services.gateway.person_encryption import Person
from services.gateway.projections import cards, evidence, ledgers, reports, statistics
from services.gateway.projections.cards import MandateView
from services.gateway.projections.employments import EmploymentView
from services.gateway.projections.extract_files import ExtractFilesView, MadeView, StoredFileView
from services.gateway.projections.outcomes import OutcomeView
from tests.gateway.build import (
    CARD,
    CVR,
    EMPLOYMENT,
    NOON,
    REPORT,
    after,
    balance,
    disputed,
    envelope,
    issued,
    persons,
    reported,
    settled,
)
from tests.gateway.memory import MemoryGateway, memory_gateway
from tests.gateway.public.build import published

# The values in the examples of the OpenAPI document, so that its example requests can be sent.
CPR: Final = "7301854321"
NAME: Final = "Karla Eksempel"
EXTRACT: Final = "2b0f5c0e-9c3a-4f7d-8b1e-6d5c4b3a2f10"
EXTRACTS: Final = {
    "/v1/extracts": EXTRACT,
    "/v1/municipality/extracts": "5f1b0a4e-0000-4000-8000-000000000002",
    "/v1/employer/extracts": "5f1b0a4e-0000-4000-8000-000000000004",
    "/v1/me/extracts": "5f1b0a4e-0000-4000-8000-000000000003",
}
"""An extract of each requester, by the path of its extracts."""
REASON: Final = "Opfølgning på sag 2025-0042"
HOLDER: Final = persons().encrypt_holder(Person("7505920102", "Testborger To"), CARD)
MANDATE: Final = MandateView(
    mandate_id="5f0e3c52-1b8e-4a53-9c59-0d6f4c6a1b99",
    holder=HOLDER,
    scope=MandateScope.REPRESENT,
    until=date(2200, 1, 1),
    granted_at=NOON,
    granted_by=CitizenSide.CITIZEN,
)
SUBJECTS: Final = {
    f"card:{CARD}",
    f"person:{persons().cpr_hash(CPR)}",
    *(f"extract:{extract_id}" for extract_id in EXTRACTS.values()),
    *("year:2025", "year:2025:101", f"year:2025:{CVR}"),
}
WITHOUT_PERSON: Final = {
    *("allowances", "list_problems", "problem", "list_reconciliations"),
    *("list_extracts", "get_extract", "get_manifest"),
    *("list_employer_extracts", "get_employer_extract", "get_employer_extract_manifest"),
    *("list_municipality_extracts", "get_municipality_extract", "get_municipality_extract_manifest"),
    *(
        "list_statistics",
        "get_statistics",
        "download_statistics",
        "statistics_catalog",
        "evidence_keys",
    ),
    *("send_batch", "list_batches", "get_batch", "book_batch", "cancel_batch"),
    *("own_changes", "represented_changes"),  # only that something changed
}
"""Routes that show and change no person's data. Payroll files are recorded when their lines are booked; a file with
numbers that the employer has not registered is recorded at once (`tests/attack/api/test_numbers_in_files.py`)."""

ACTIONS: Final = {
    "issue_card": "issue-card",
    "search_card": "search",
    "get_card": "read-card",
    "deactivate_card": "deactivate-card",
    "reactivate_card": "reactivate-card",
    "replace_number": "replace-number",
    "hand_over_card": "hand-over-card",
    "record_control": "record-control",
    "card_balances": "read-balance",
    "card_employments": "read-employments",
    "card_reports": "read-reports",
    "card_accesses": "read-accesses",
    "dispute_report": "dispute-report",
    "withdraw_dispute": "withdraw-dispute",
    "card_mandates": "read-mandates",
    "grant_mandate": "grant-mandate",
    "withdraw_mandate": "withdraw-mandate",
    "controls_due": "read-controls-due",
    "list_disputes": "read-disputes",
    "register_employment": "register-employment",
    "list_employments": "read-employments",
    "get_employment": "read-employments",
    "change_employment": "change-employment",
    "end_employment": "change-employment",
    "allowance_left": "read-balance",
    "report_earnings": "report-earnings",
    "dry_run": "try-report",
    "list_reports": "read-reports",
    "get_report": "read-reports",
    "get_receipt": "read-reports",
    "correct_report": "correct-report",
    "withdraw_report": "withdraw-report",
    "answer_dispute": "answer-dispute",
    "decide_dispute": "decide-dispute",
    "declare_no_work": "declare-no-work",
    "list_reminders": "read-reminders",
    "list_lines": "read-reports",
    "batch_result": "read-reports",
    "own_card": "read-card",
    "own_balances": "read-balance",
    "own_employments": "read-employments",
    "own_reports": "read-reports",
    "own_warnings": "read-warnings",
    "own_accesses": "read-accesses",
    "own_changes": "read-card",
    "dispute_own_report": "dispute-report",
    "withdraw_own_dispute": "withdraw-dispute",
    "own_mandates": "read-mandates",
    "grant_own_mandate": "grant-mandate",
    "withdraw_own_mandate": "withdraw-mandate",
    "list_represented": "read-card",
    "represented_card": "read-card",
    "represented_balances": "read-balance",
    "represented_employments": "read-employments",
    "represented_reports": "read-reports",
    "represented_warnings": "read-warnings",
    "represented_changes": "read-card",
    "dispute_represented_report": "dispute-report",
    "withdraw_represented_dispute": "withdraw-dispute",
    "request_extract": "draw-extract",
    "download_extract": "read-extract",
    "request_municipality_extract": "draw-extract",
    "download_municipality_extract": "read-extract",
    "request_employer_extract": "draw-extract",
    "download_employer_extract": "read-extract",
    "request_own_extract": "draw-extract",
    "list_own_extracts": "list-extracts",
    "get_own_extract": "list-extracts",
    "get_own_extract_manifest": "list-extracts",
    "download_own_extract": "read-extract",
    "outcome": "read-outcome",
    "search_audit_log": "search-log",
    "export_audit_log": "export-log",
}
"""The action that each route records, by its operation id. The codes are stored, so they are written out here."""

CALLERS: Final = {
    "caseworker": Caller("issuer", "c", "worker-1", Role.CASEWORKER, "101"),
    "employer": Caller("issuer", "c", "bookkeeper-1", Role.EMPLOYER, CVR),
    "citizen": Caller("issuer", "c", "citizen-1", Role.CITIZEN, persons().cpr_hash(CPR)),
    "holder": Caller("issuer", "c", "relative-1", Role.CITIZEN, HOLDER.cpr_hash),
    "authority": Caller("issuer", "c", "analyst-1", Role.AUTHORITY, "skat"),
    "auditor": Caller("issuer", "c", "auditor-1", Role.AUDITOR, "dpo"),
}


@pytest.fixture
async def world(tmp_path: Path) -> MemoryGateway:
    """A gateway with one citizen who has a card, an employment and a report, and is in all extracts."""
    world = await memory_gateway(extract_files=tmp_path.as_uri())
    just_now = {name: replace(caller, logged_in_at=time.time()) for name, caller in CALLERS.items()}
    world.callers.update(just_now, everyone=CALLERS["employer"])
    world.fake_services.numbers["12345"] = CARD
    world.fake_services.employ(CVR, "12345")
    card = issued(person=persons().encrypt(Person(CPR, NAME), CARD), control_due=2025)
    view = after(cards.PROJECTION, [card])
    world.models.put("cards", CARD, view.model_copy(update={"mandates": [MANDATE]}))
    employment = EmploymentView(
        employment_id=EMPLOYMENT,
        card_id=CARD,
        revision=1,
        cvr=CVR,
        period=Period(first=date(2025, 1, 1)),
        contact=persons().encrypt_contact(Contact("Bo", "bo@example.dk", "12345678"), CARD, CVR),
        registered_at=NOON,
        order="1",
    )
    world.models.put("employments", EMPLOYMENT, employment)
    dispute = disputed(1).model_copy(update={"message": None})
    world.models.put("reports", REPORT, after(reports.PROJECTION, [reported(), settled(1, 1, 100_000), dispute]))
    world.models.put("ledgers", f"{CARD}:2025", after(ledgers.PROJECTION, [balance(1, 100_000)]))
    await add_extracts(world, tmp_path)
    month = statistics.project(None, envelope(published("2025-01")))
    world.models.put("statistics", month.month, month)
    file_of_evidence = EvidenceFile(statement="{}", index=0, path=(), signed_root="header.payload.signature")
    for statement in (evidence.report_evidence_id(REPORT, 1), *map(evidence.extract_evidence_id, EXTRACTS.values())):
        world.evidence.files[statement] = file_of_evidence
    return world


async def add_extracts(world: MemoryGateway, folder: Path) -> None:
    """A completed extract of each requester."""
    requesters = (
        (ExtractKind.TAX_YEAR, Requester(Role.AUTHORITY, "skat")),
        (ExtractKind.MUNICIPALITY, Requester(Role.CASEWORKER, "101")),
        (ExtractKind.EMPLOYER, Requester(Role.EMPLOYER, CVR)),
        (ExtractKind.CITIZEN, Requester(Role.CITIZEN, CARD)),
    )
    for extract_id, (kind, requester) in zip(EXTRACTS.values(), requesters, strict=True):
        request = StoredExtractRequest(
            extract_id=extract_id, requester=requester.text, kind=kind, year=2025, municipality=None, requested_at=NOON
        )
        await world.extract_requests.add(request)
        name = f"{extract_id}.csv"
        (folder / name).write_text(NAME, encoding="utf-8")
        file = StoredFileView(format=FileFormat.CSV, name=name, size=len(NAME), sha256="00" * 32)
        made = MadeView(completed_at=NOON, provisional=False, count=1, reported=1, exempt=1, excess=0, files=[file])
        world.models.put("extract_files", extract_id, ExtractFilesView(extract_id=extract_id, attempt=1, made=made))


async def operations() -> list[tuple[str, str, dict[str, Any]]]:
    """Every operation of the API: method, path and documentation."""
    document = (await memory_gateway()).app.openapi()
    return [
        (method.upper(), path, operation | {"components": document["components"]})
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]


def headers_of(operation: dict[str, Any]) -> set[str]:
    return {p["name"] for p in operation.get("parameters", ()) if p["in"] == "header" and p["required"]}


def example(operation: dict[str, Any]) -> tuple[str, bytes]:
    """The example of the operation's body, and its media type."""
    if "requestBody" not in operation:
        return "", b""
    media_type, content = next(iter(operation["requestBody"]["content"].items()))
    if "examples" in content:
        value: str = next(iter(content["examples"].values()))["value"]
        return media_type, value.encode()
    name = content["schema"]["$ref"].rsplit("/", 1)[-1]
    body: dict[str, Any] = operation["components"]["schemas"][name]["examples"][0]
    return media_type, json.dumps(body | ({"employment_id": EMPLOYMENT} if "employment_id" in body else {})).encode()


async def call(
    client: httpx2.AsyncClient, world: MemoryGateway, method: str, path: str, operation: dict[str, Any]
) -> httpx2.Response:
    """Call the operation as a caller of its audience, about the citizen."""
    places = {
        "card_id": CARD,
        "employment_id": EMPLOYMENT,
        "report_id": REPORT,
        "extract_id": EXTRACTS.get(path.partition("/{")[0], ""),
        "file_format": "csv",
        "mandate_id": MANDATE.mandate_id,
        "code": "card-unknown",
        "year": "2025",
    }
    if "{batch_id}" in path:
        places["batch_id"] = await batch_of_one_line(world)
    if "{command_id}" in path:
        places["command_id"] = await answered_command(client, world)
    media_type, content = example(operation)
    headers = {
        b"content-type": media_type.encode(),
        b"authorization": f"Bearer {caller_of(path, operation)}".encode(),
        b"access-reason": REASON.encode(),
        b"idempotency-key": operation["operationId"].encode(),
        b"prefer": b"wait=0",
    }
    where = path.format(**{name: quote(place) for name, place in places.items()})
    queried = {"seconds": 1} if any(p["name"] == "seconds" for p in operation.get("parameters", ())) else {}
    return await client.request(method, where, params=queried, content=content, headers=headers)


def caller_of(path: str, operation: dict[str, Any]) -> str:
    """The caller of an operation of this audience; the mandate holder for operations on another's data."""
    tag: str = operation["tags"][0]
    return "holder" if path.startswith("/v1/represented") else tag.replace("everyone", "employer")


async def batch_of_one_line(world: MemoryGateway) -> str:
    """A payroll file that is held, with one line about the citizen."""
    caller = CALLERS["employer"]
    sending = Upload(caller, str(uuid4()), "application/jsonl", True, one_line(), None)
    batch, _ = await world.app.state.gateway.uploads.receive(sending)
    return str(batch.batch_id)


async def one_line() -> AsyncIterator[bytes]:
    body = report_body() | {"card_number": "12345"}
    del body["employment_id"]
    yield json.dumps(body).encode()


def report_body() -> dict[str, Any]:
    return {
        "employment_id": EMPLOYMENT,
        "reference": "before",
        "work": {"first": "2025-05-01", "last": "2025-05-31"},
        "payment_date": "2025-05-31",
        "components": {"wage_ore": 0},
    }


async def answered_command(client: httpx2.AsyncClient, world: MemoryGateway) -> str:
    """The id of a refused report command. Its audit entries are removed."""
    unreachable, world.accesses.unreachable = world.accesses.unreachable, False
    headers = {"authorization": "Bearer employer", "idempotency-key": "before", "prefer": "wait=0"}
    pending = (await client.post("/v1/reports", json=report_body(), headers=headers)).json()
    outcome = OutcomeView(command_id=pending["command_id"], at=NOON, card_id=CARD, problem="amount-zero")
    world.models.put("outcomes", outcome.command_id, outcome)
    world.accesses.take()
    world.accesses.unreachable = unreachable
    return outcome.command_id


async def test_every_route_records_the_persons_it_shows_or_changes_unless_exempt(
    world: MemoryGateway, client: httpx2.AsyncClient
) -> None:
    for method, path, operation in await operations():
        name = operation["operationId"]
        response = await call(client, world, method, path, operation)
        recorded = world.accesses.take()

        assert response.is_success, f"{name}: {response.text}"
        if name in WITHOUT_PERSON:
            assert recorded == [], name
            continue
        assert recorded, f"{name} recorded nothing; if it shows no person's data, list it in WITHOUT_PERSON"
        caller = CALLERS[caller_of(path, operation)]
        for line in recorded:
            assert line.subject in SUBJECTS, name
            assert (line.action, line.refused) == (ACTIONS[name], False), name
            assert (line.role, line.actor) == (caller.role, caller.subject), name
            assert line.own == (caller is CALLERS["citizen"]), name
            assert line.request == response.headers["correlation-id"], name
            if caller.role is Role.CASEWORKER and "Access-Reason" in headers_of(operation):
                assert line.reason == REASON, name


async def test_a_request_for_statistics_is_recorded_under_its_extract_which_has_no_person(
    world: MemoryGateway, client: httpx2.AsyncClient
) -> None:
    headers = {"authorization": "Bearer authority", "idempotency-key": "statistics", "prefer": "wait=0"}
    response = await client.post("/v1/extracts", json={"year": 2025, "content": "statistics"}, headers=headers)

    assert response.status_code == 202, response.text
    requested = list(world.extract_requests.requests)[-1]
    assert [(line.action, line.subject) for line in world.accesses.take()] == [("draw-extract", f"extract:{requested}")]


async def test_a_response_that_cannot_be_recorded_is_not_sent(world: MemoryGateway, client: httpx2.AsyncClient) -> None:
    world.accesses.unreachable = True
    for method, path, operation in await operations():
        name = operation["operationId"]
        if name in {*WITHOUT_PERSON, "batch_result"}:
            continue
        response = await call(client, world, method, path, operation)

        assert response.status_code == 503, f"{name}: {response.text}"
        assert response.json()["type"] == "/problems/temporarily-unavailable"
        assert response.headers["retry-after"]
        assert not any(secret in response.text for secret in (CPR, NAME, CARD, "100000"))


async def test_no_command_reaches_kafka_before_its_entry_is_durable(
    world: MemoryGateway, client: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    published: dict[str, list[str]] = {}

    async def publish(records: Sequence[Record]) -> None:
        for record in records:
            headers = {name: value.decode() for name, value in record.headers}
            published[headers["ce_id"]] = [line.request for line in world.accesses.lines.values() if line.command]
            assert published[headers["ce_id"]] == [headers["ce_correlationid"]]

    monkeypatch.setattr(world.producer, "publish", publish)
    commands = []
    for method, path, operation in await operations():
        if "Idempotency-Key" in headers_of(operation) and operation["operationId"] not in WITHOUT_PERSON:
            commands.append(operation["operationId"])
            response = await call(client, world, method, path, operation)

            assert response.is_success, f"{operation['operationId']}: {response.text}"
            assert len(published) == len(commands), f"{operation['operationId']} published nothing"
            (entry,) = [line for line in world.accesses.take() if line.command]
            assert (entry.command, entry.request) == ([*published][-1], response.headers["correlation-id"])
    assert len(commands) > 20


async def test_a_command_that_cannot_be_recorded_is_not_sent_until_it_is_repeated(
    world: MemoryGateway, client: httpx2.AsyncClient
) -> None:
    for method, path, operation in await operations():
        name = operation["operationId"]
        if "Idempotency-Key" in headers_of(operation) and name not in WITHOUT_PERSON:
            world.accesses.unreachable = True
            assert (await call(client, world, method, path, operation)).status_code == 503
            assert world.producer.records == [], name

            world.accesses.unreachable = False
            assert (await call(client, world, method, path, operation)).is_success, name
            assert len(world.producer.records) == 1, name
            assert [line.action for line in world.accesses.take() if line.command] == [ACTIONS[name]]
            world.producer.records.clear()


async def test_no_byte_of_a_response_leaves_before_its_entries_are_durable(world: MemoryGateway) -> None:
    """Every operation: what is recorded when the response begins is what is recorded in the end, but for streams."""
    at_start: list[int] = []

    async def observed(scope: Scope, receive: Receive, send: Send) -> None:
        async def observed_send(message: Message) -> None:
            if message["type"] == "http.response.body" and message.get("body"):
                at_start.append(len(world.accesses.lines))
            await send(message)

        await world.app(scope, receive, observed_send)

    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=observed), base_url="http://gateway") as client:
        for method, path, operation in await operations():
            name = operation["operationId"]
            if name not in WITHOUT_PERSON:
                await call(client, world, method, path, operation)
                assert at_start[-1] == len(world.accesses.take()) > 0, name
                at_start.clear()


async def test_a_response_is_stored_and_recorded_concurrently(
    world: MemoryGateway, client: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    command_id = await answered_command(client, world)
    both = asyncio.Barrier(2)

    def at_the_same_time(write: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def writes(*given: Any) -> Any:
            async with asyncio.timeout(5):
                await both.wait()
            return await write(*given)

        return writes

    monkeypatch.setattr(world.submissions, "add_response", at_the_same_time(world.submissions.add_response))
    monkeypatch.setattr(world.accesses, "add", at_the_same_time(world.accesses.add))
    response = await client.get(f"/v1/outcomes/{command_id}", headers={"authorization": "Bearer employer"})

    assert response.json()["status"] == "refused"
    assert [line.refused for line in world.accesses.take()] == [False], "reading the outcome is not refused"


async def test_a_streamed_response_stops_where_it_cannot_be_recorded(
    world: MemoryGateway, client: httpx2.AsyncClient
) -> None:
    world.accesses.unreachable = True

    with pytest.raises(NotRecorded):
        await call(client, world, *next(one for one in await operations() if one[2]["operationId"] == "batch_result"))


async def test_an_undeclared_route_shows_no_data(world: MemoryGateway, client: httpx2.AsyncClient) -> None:
    @world.app.get("/forgotten")
    async def forgotten(context: Annotated[RequestContext, Depends(caller_in(Role.CASEWORKER))]) -> Any:
        return await context.container.read_models.cards.get(CARD)

    response = await client.get("/forgotten", headers={"authorization": "Bearer caseworker"})

    assert (response.status_code, response.json()["type"]) == (500, "/problems/internal-error")
    assert CARD not in response.text


def test_every_action_has_a_text() -> None:
    assert set(ACTIONS.values()) <= set(actions.ACTIONS)


def test_an_application_with_an_undeclared_route_is_not_built() -> None:
    app, router = FastAPI(), APIRouter()

    @router.get("/v1/forgotten")
    async def forgotten() -> None:
        return

    app.include_router(router)

    with pytest.raises(UndeclaredRoute, match="forgotten"):
        check_routes(app.routes)
