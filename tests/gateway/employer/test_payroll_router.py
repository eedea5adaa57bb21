"""Payroll files over HTTP, as employers use them: own files only, with texts in the language of the caller."""

from __future__ import annotations

import asyncio
import csv
import io
import json
from collections.abc import AsyncIterator, Sequence
from typing import Any, Final

import httpx2
import pytest
from frikort_contracts.http.roles import Role

from services.gateway.auth import Caller
from services.gateway.changes.change_notifier import ChangeSubscriptions
from services.gateway.payroll import upload
from services.gateway.payroll.batch import BatchStatus
from services.gateway.payroll.file_work import FileWork
from services.gateway.payroll.worker import BatchWorker
from tests.gateway.build import CVR, allowances, line_encryptor
from tests.gateway.memory import MemoryGateway, memory_gateway
from tests.gateway.payroll_fakes import report_line
from tests.runtime.memory import Crash

PATH: Final = "/v1/report-batches"
CPR: Final = "6101801234"


class Employer:
    """A client that sends files, and the gateway with a worker that the test runs."""

    def __init__(self, world: MemoryGateway, client: httpx2.AsyncClient) -> None:
        self.world = world
        self.client = client

    async def send(
        self, content: bytes | str, kind: str = "application/jsonl", key: str = "k", *, query: str = "", **headers: str
    ) -> httpx2.Response:
        given = {"authorization": "Bearer employer", "idempotency-key": key, "content-type": kind, **headers}
        given.setdefault("accept-language", "en")
        return await self.client.post(PATH + query, content=content, headers=given)

    async def post(self, path: str, who: str = "employer") -> httpx2.Response:
        return await self.client.post(path, headers={"authorization": f"Bearer {who}", "accept-language": "en"})

    async def get(self, path: str, who: str = "employer", language: str = "en") -> httpx2.Response:
        return await self.client.get(path, headers={"authorization": f"Bearer {who}", "accept-language": language})

    async def book(self) -> None:
        worker = BatchWorker(
            FileWork(
                batches=self.world.batches,
                queries=self.world.fake_services,
                audit_log=self.world.accesses,
                line_encryptor=line_encryptor(),
                publish=self.world.fake_services.publish,
                now=self.world.app.state.gateway.clock.now,
                subscriptions=ChangeSubscriptions(asyncio.Event()),
                lease=4,
            ),
            allowances(),
        )
        for batch_id in await self.world.batches.waiting():
            held = await self.world.batches.claim(batch_id)
            assert held is not None
            await worker.work(held)

    async def lines(self, path: str, query: str = "") -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = (await self.get(f"{path}/lines{query}")).json()["lines"]
        return found


@pytest.fixture(autouse=True)
def _small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upload, "CHUNK", 3)


@pytest.fixture
async def employer() -> AsyncIterator[Employer]:
    world = await memory_gateway()
    world.callers.update(
        employer=Caller("issuer", "payroll", "bookkeeper-1", Role.EMPLOYER, CVR),
        other=Caller("issuer", "payroll", "bookkeeper-2", Role.EMPLOYER, "99000015"),
    )
    for number in ("12345", "23456"):
        world.fake_services.employ(CVR, number)
    transport = httpx2.ASGITransport(app=world.app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://gateway") as client:
        yield Employer(world, client)


def file_of(*lines: dict[str, Any]) -> bytes:
    return "\n".join(json.dumps(body) for body in lines).encode()


MIXED: Final = file_of(
    report_line("a"),
    report_line("b", "23456"),
    report_line("c", "99999"),
    report_line("d", wage=13),
    report_line("a"),
    report_line("e", wage=-1),
    report_line("f"),
)


def code_of(response: httpx2.Response) -> tuple[int, str]:
    return response.status_code, response.json()["type"].removeprefix("/problems/")


async def test_a_file_is_accepted_at_once_and_its_result_is_at_its_location(employer: Employer) -> None:
    sent = await employer.send(MIXED)
    assert sent.status_code == 202
    path = sent.headers["location"]
    assert path == f"{PATH}/{sent.json()['batch_id']}"
    assert sent.json() | {"batch_id": "", "created_at": ""} == {
        "batch_id": "",
        "status": "booking",
        "created_at": "",
        "expires_at": None,
        "finished_at": None,
        "encoding": "utf-8",
        "counts": {"lines": 7, "errors": 2, "accepted": 0, "already_reported": 0, "refused": 0, "pending": 5},
        "check": None,
        "total_ore": 400_013,
        "exempt_ore": 0,
        "excess_ore": 0,
        "provisional": False,
    }
    await employer.book()
    done = (await employer.get(path)).json()
    assert (done["status"], done["exempt_ore"], done["excess_ore"]) == ("done", 400_000, 0)
    assert done["counts"] == {"lines": 7, "errors": 2, "accepted": 3, "already_reported": 1, "refused": 1, "pending": 0}
    assert done["finished_at"] is not None


async def test_every_line_has_a_result_and_an_error_says_what_to_do(employer: Employer) -> None:
    path = (await employer.send(MIXED)).headers["location"]
    await employer.book()
    lines = await employer.lines(path)
    assert [(entry["number"], entry["reference"], entry["result"]) for entry in lines] == [
        (1, "a", "accepted"),
        (2, "b", "accepted"),
        (3, "c", "error"),
        (4, "d", "refused"),
        (5, "a", "already_reported"),
        (6, "e", "error"),
        (7, "f", "accepted"),
    ]
    assert lines[0]["split"] == {"exempt_ore": 100_000, "excess_ore": 0, "provisional": False}
    assert lines[0]["report_id"]
    assert lines[2]["errors"] == [
        {
            "code": "card-number-unknown",
            "pointer": "/card_number",
            "column": None,
            "detail": "The employer has no employment with this card number. Register the employment first.",
        }
    ]
    assert lines[3]["problem"]["type"] == "/problems/amount-too-large"
    assert "1,000,000.00 kr." in lines[3]["problem"]["detail"]
    assert lines[5]["errors"] == [
        {
            "code": "negative-amount",
            "pointer": "/components/wage_ore",
            "column": None,
            "detail": "An amount is never negative. If a report is wrong, correct it or withdraw it.",
        }
    ]


async def test_lines_can_be_listed_by_result_in_pages(employer: Employer) -> None:
    path = (await employer.send(MIXED)).headers["location"]
    pending = await employer.lines(path, "?result=pending")
    assert [entry["number"] for entry in pending] == [1, 2, 4, 5, 7]
    await employer.book()
    for result, numbers in {
        "accepted": [1, 2, 7],
        "already_reported": [5],
        "refused": [4],
        "error": [3, 6],
        "pending": [],
    }.items():
        assert [entry["number"] for entry in await employer.lines(path, f"?result={result}")] == numbers
    seen, cursor = [], ""
    while cursor is not None:
        page = (await employer.get(f"{path}/lines?limit=2&cursor={cursor}")).json()
        seen += [entry["number"] for entry in page["lines"]]
        cursor = page["next"]
    assert seen == [1, 2, 3, 4, 5, 6, 7]
    assert code_of(await employer.get(f"{path}/lines?cursor=eA"))[1] == "invalid-request"


async def test_a_page_of_lines_records_only_the_persons_on_it(employer: Employer) -> None:
    path = (await employer.send(file_of(report_line("a"), report_line("b", "23456")))).headers["location"]
    employer.world.accesses.take()
    await employer.lines(path, "?limit=1")
    assert [entry.subject for entry in employer.world.accesses.take()] == ["card:card-12345"]


async def test_the_result_is_a_file_that_a_danish_spreadsheet_opens(employer: Employer) -> None:
    path = (await employer.send(MIXED)).headers["location"]
    await employer.book()
    employer.world.accesses.take()
    answer = await employer.get(f"{path}/result.csv", language="da")
    assert answer.headers["content-type"].startswith("text/csv; charset=utf-8")
    rows = read_csv(answer)
    assert [row["Resultat"] for row in rows] == [
        *("modtaget", "modtaget", "fejl", "afvist", "indberettet i forvejen", "fejl", "modtaget")
    ]
    assert (rows[0]["Linje"], rows[0]["I alt (kr.)"], rows[0]["Skattefrit (kr.)"]) == ("1", "1000,00", "1000,00")
    assert rows[3]["Forklaring"].startswith("Beløbet er for stort.")
    assert {entry.subject for entry in employer.world.accesses.take()} == {"card:card-12345", "card:card-23456"}


async def test_no_cell_can_be_taken_for_a_formula(employer: Employer) -> None:
    references = ["=cmd|' /C calc'!A0", "+1", "-1", "@SUM(A1)", "a;b", 'say "x"']
    path = (await employer.send(file_of(*map(report_line, references)))).headers["location"]
    rows = read_csv(await employer.get(f"{path}/result.csv"))
    assert [row["Reference"] for row in rows] == [*(f"'{reference}" for reference in references[:4]), *references[4:]]


def read_csv(answer: httpx2.Response) -> list[dict[str, str]]:
    text = answer.content.decode()
    assert text.startswith("\ufeff")
    return list(csv.DictReader(io.StringIO(text[1:], newline=""), delimiter=";"))


async def test_a_held_file_is_booked_on_request(employer: Employer) -> None:
    held = await employer.send(MIXED, query="?hold=true")
    assert (held.status_code, held.json()["status"]) == (201, "checking")
    assert held.json()["expires_at"] is not None
    path = held.headers["location"]
    await employer.book()
    checked = (await employer.get(path)).json()
    assert (checked["status"], checked["counts"]["pending"]) == ("held", 5)
    assert [checked["check"][name] for name in ("accepted", "already_reported", "refused")] == [3, 1, 1]
    assert employer.world.fake_services.booked == {}
    for _ in range(2):
        booked = await employer.post(f"{path}/booking")
        assert (booked.status_code, booked.json()["status"]) == (202, "booking")
    await employer.book()
    assert (await employer.get(path)).json()["counts"]["accepted"] == 3
    assert code_of(await employer.post(f"{path}/cancellation")) == (409, "batch-booked")


async def test_d6_the_lines_of_a_checked_file_are_listed_by_what_they_would_give(employer: Employer) -> None:
    path = (await employer.send(MIXED, query="?hold=true")).headers["location"]
    await employer.book()
    for check, numbers in {"accepted": [1, 2, 7], "already_reported": [5], "refused": [4]}.items():
        assert [entry["number"] for entry in await employer.lines(path, f"?check={check}")] == numbers
    refused = (await employer.lines(path, "?check=refused"))[0]
    assert (refused["result"], refused["check"]["problem"]["code"]) == ("pending", "amount-too-large")
    rows = read_csv(await employer.get(f"{path}/result.csv", language="da"))
    assert [row["Resultat"] for row in rows][:5] == [
        *("kan indberettes", "kan indberettes", "fejl", "vil blive afvist", "indberettet i forvejen")
    ]
    assert rows[0]["Skattefrit (kr.)"] == "1000,00"


async def test_a_file_whose_check_was_given_up_has_no_line_of_it_and_is_booked_all_the_same(employer: Employer) -> None:
    path = (await employer.send(MIXED, query="?hold=true")).headers["location"]
    batches = employer.world.batches
    batches.faults.crash_at("add_check before", after=1)
    with pytest.raises(Crash):
        await employer.book()
    assert any(line["check"] for line in await employer.lines(path))
    batches.no_leases()
    held = await batches.claim(path.rsplit("/", 1)[1])
    assert held is not None
    await batches.give_up_check(held)

    file = (await employer.get(path)).json()
    assert (file["status"], file["check"]["failed"], file["check"]["at"]) == ("held", True, None)
    assert (file["check"]["accepted"], file["check"]["exempt_at_least_ore"]) == (0, 0)
    assert {line["result"] for line in await employer.lines(path) if line["check"] is None} == {"pending", "error"}
    assert await employer.lines(path, "?check=accepted") == []
    rows = read_csv(await employer.get(f"{path}/result.csv", language="da"))
    assert {row["Resultat"] for row in rows} == {"venter", "fejl"}
    assert (await employer.post(f"{path}/booking")).status_code == 202
    await employer.book()
    assert (await employer.get(path)).json()["counts"]["accepted"] == 3


async def test_a_cancelled_file_has_no_lines_and_cannot_be_booked(employer: Employer) -> None:
    path = (await employer.send(MIXED, query="?hold=true")).headers["location"]
    for _ in range(2):
        cancelled = await employer.post(f"{path}/cancellation")
        assert (cancelled.status_code, cancelled.json()["status"]) == (200, "cancelled")
    assert employer.world.batches.chunks == {}
    assert await employer.lines(path) == []
    assert code_of(await employer.post(f"{path}/booking")) == (409, "batch-cancelled")


@pytest.mark.parametrize(("act", "status"), [("booking", "booking"), ("cancellation", "cancelled")])
async def test_a_check_that_ends_while_a_file_is_booked_or_cancelled_does_not_refuse_it(
    employer: Employer, monkeypatch: pytest.MonkeyPatch, act: str, status: str
) -> None:
    path = (await employer.send(MIXED, query="?hold=true")).headers["location"]
    change = employer.world.batches.change

    async def change_after_the_check(batch_id: str, before: BatchStatus, after: BatchStatus) -> bool:
        if before is BatchStatus.CHECKING:
            await employer.book()
        return await change(batch_id, before, after)

    monkeypatch.setattr(employer.world.batches, "change", change_after_the_check)
    changed = await employer.post(f"{path}/{act}")
    assert (changed.is_success, changed.json()["status"]) == (True, status)
    assert (await employer.get(path)).json()["status"] == status


async def test_own_files_are_listed_newest_first(employer: Employer) -> None:
    sent = [(await employer.send(MIXED, key=str(n))).json()["batch_id"] for n in range(3)]
    first = (await employer.get(f"{PATH}?limit=2")).json()
    rest = (await employer.get(f"{PATH}?limit=2&cursor={first['next']}")).json()
    assert [entry["batch_id"] for entry in first["batches"] + rest["batches"]] == sent[::-1]
    assert rest["next"] is None


async def test_the_file_of_another_employer_does_not_exist(employer: Employer) -> None:
    path = (await employer.send(MIXED, query="?hold=true")).headers["location"]
    for page in ("", "/lines", "/result.csv"):
        assert code_of(await employer.get(path + page, "other")) == (404, "batch-unknown")
    for act in ("booking", "cancellation"):
        assert code_of(await employer.post(f"{path}/{act}", "other")) == (404, "batch-unknown")
    assert (await employer.get(PATH, "other")).json()["batches"] == []


async def test_a_repeated_file_gets_the_present_state_of_the_first(employer: Employer) -> None:
    first = await employer.send(MIXED)
    await employer.book()
    again = await employer.send(MIXED)
    assert (again.status_code, again.headers["idempotency-replayed"]) == (202, "true")
    assert (again.json()["batch_id"], again.json()["status"]) == (first.json()["batch_id"], "done")
    assert code_of(await employer.send(MIXED + b"\n{}")) == (422, "idempotency-key-reused")


async def test_a_file_of_bytes_is_read_as_json_lines_if_it_begins_with_an_object_and_as_csv_otherwise(
    employer: Employer,
) -> None:
    as_json = await employer.send(MIXED, "application/octet-stream", "json")
    as_csv = await employer.send("a;b;c", "application/octet-stream", "csv")
    assert (as_json.status_code, as_json.json()["counts"]["lines"]) == (202, 7)
    assert code_of(as_csv) == (422, "batch-columns-wrong")


@pytest.mark.parametrize(
    ("content", "kind", "status", "code"),
    [
        (MIXED, "application/json", 415, "batch-type-unsupported"),
        (MIXED, "", 415, "batch-type-unsupported"),
        (b"", "text/csv", 422, "batch-empty"),
        (b"a;b;c", "text/csv", 422, "batch-columns-wrong"),
        ("løn".encode("latin-1"), "text/csv; charset=iso-8859-1", 422, "batch-not-utf8"),
        (b"\n".join([b"{}"] * 1_002), "application/x-ndjson", 413, "body-too-large"),
    ],
)
async def test_an_unreadable_file_is_refused_as_a_whole(
    employer: Employer, content: bytes, kind: str, status: int, code: str
) -> None:
    refused = await employer.send(content, kind)
    assert code_of(refused) == (status, code)
    assert refused.json()["detail"]
    assert (employer.world.batches.files, employer.world.batches.chunks) == ({}, {})


async def test_wrong_columns_are_answered_with_the_expected_ones(employer: Employer) -> None:
    refused = await employer.send(f"{CPR};Karla\n", "text/csv", **{"accept-language": "da"})
    assert "Der mangler: Ansættelse/Frikortnummer, Reference" in refused.json()["detail"]
    assert "Frikortnummer;Reference;Arbejde fra" in refused.json()["detail"]
    assert "nummer 1, 2" in refused.json()["detail"]
    assert CPR not in refused.text


async def test_a_file_may_be_larger_than_a_request_but_not_than_a_file(employer: Employer) -> None:
    ones = [file_of(report_line(f"{n}", "99999")) + b" " * 5_000 for n in range(400)]
    content = b"\n".join(ones)
    assert len(content) > 2_000_000
    assert (await employer.send(content)).status_code == 202

    async def endless() -> AsyncIterator[bytes]:
        for _ in range(40):
            yield b" " * 1_000_000

    headers = {"authorization": "Bearer employer", "idempotency-key": "o", "content-type": "text/csv"}
    assert code_of(await employer.client.post(PATH, content=endless(), headers=headers)) == (413, "body-too-large")


async def test_line_errors_are_in_the_language_of_the_caller_and_repeat_no_input(employer: Employer) -> None:
    content = file_of(report_line(f"om {CPR}"), report_line("b") | {CPR: 1})
    path = (await employer.send(content)).headers["location"]
    texts: Sequence[str] = [(await employer.get(f"{path}/lines", language=which)).text for which in ("da", "en")]
    assert "Må ikke indeholde et CPR-nummer." in texts[0]
    assert "Must not contain a CPR number." in texts[1]
    assert not any(CPR in text for text in texts)
    assert not any(CPR in stored for stored in employer.world.batches.chunks.values())


async def test_an_interrupted_upload_is_not_acknowledged(employer: Employer) -> None:
    messages = iter([{"type": "http.request", "body": MIXED, "more_body": True}, {"type": "http.disconnect"}])

    async def receive() -> Any:
        return next(messages)

    async def send(message: Any) -> None:
        raise AssertionError(f"{message} was sent to nobody")

    headers = {"authorization": "Bearer employer", "idempotency-key": "k", "content-type": "application/jsonl"}
    scope = {
        "type": "http",
        "method": "POST",
        "path": PATH,
        "query_string": b"",
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
    }
    await employer.world.app(scope, receive, send)

    assert (await employer.get(PATH)).json()["batches"] == []
    assert (await employer.send(MIXED)).status_code == 202
