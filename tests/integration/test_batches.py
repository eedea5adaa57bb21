"""Payroll files, end to end: many reports in one request, each with its own result."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable
from typing import Any, Final
from uuid import uuid4

from deploy.local.client import Answer
from tests.integration.scene import ALLOWANCE, Client, Job, World, accepted, refused

PATH: Final = "/v1/report-batches"


def content_of(bodies: Iterable[dict[str, Any]]) -> str:
    return "\n".join(json.dumps(body) for body in bodies)


def send(employer: Client, content: str, kind: str = "application/jsonl", **query: str) -> Answer:
    """The answer to a file, under a key of its own."""
    where = PATH + "".join(f"?{name}={value}" for name, value in query.items())
    return employer.raw("POST", where, content, {"Idempotency-Key": str(uuid4()), "Content-Type": kind})


def done(employer: Client, sent: Answer) -> Answer:
    """The file when all of it is booked."""
    return employer.wait_for(sent.headers["location"], "status", "done", within=120)


def lines_of(employer: Client, batch: Answer, **query: str | int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    cursor: str | None = ""
    while cursor is not None:
        page = accepted(employer.get(f"{PATH}/{batch['batch_id']}/lines", limit=500, cursor=cursor, **query), 200)
        found += page["lines"]
        cursor = page["next"]
    return found


def test_every_line_is_booked_on_its_own_and_has_a_result(job: Job) -> None:
    employer, before = job.employer, job.report(5_000)
    by_number = job.body(10_000, card_number=job.card.number)
    del by_number["employment_id"]
    bodies = [
        job.body(4_000_000),
        by_number,
        job.body(5_000, reference=before["reference"]),
        job.body(-1),
        job.body(7, payment_date="2025-12-31"),
        job.body(300_000),
    ]
    batch = done(employer, accepted(send(employer, content_of(bodies)), 202))

    lines = lines_of(employer, batch)
    assert [(entry["number"], entry["reference"]) for entry in lines] == [
        (number, body["reference"]) for number, body in enumerate(bodies, 1)
    ]
    results = ["accepted", "accepted", "already_reported", "error", "refused", "accepted"]
    assert [entry["result"] for entry in lines] == results
    assert lines[2]["report_id"] == before["report_id"]
    assert lines[3]["errors"][0]["pointer"] == "/components/wage_ore"
    assert lines[4]["problem"]["type"] == "/problems/payment-in-future"
    assert lines[5]["split"] == {"exempt_ore": 261_600, "excess_ore": 38_400, "provisional": False}
    assert (batch["exempt_ore"], batch["excess_ore"]) == (ALLOWANCE, 38_400)
    assert sorted(report["total_ore"] for report in job.card.reports()) == [5_000, 10_000, 300_000, 4_000_000]
    rows = result_of(employer, batch)
    assert [row["Result"] for row in rows] == ["already reported" if r == "already_reported" else r for r in results]
    booked = accepted(job.card.owner.get("/v1/me/accesses", own="false"), 200)["accesses"]
    by_file = [line for line in booked if line["correlation_id"] == batch["batch_id"]]
    assert {(line["by"], line["action"]) for line in by_file} == {
        (f"The company CVR {employer.cvr}", "report-earnings")
    }
    assert len(by_file) == len(results) - results.count("error")
    assert sum(line["refused"] for line in by_file) == results.count("refused")


def result_of(employer: Client, batch: Answer) -> list[dict[str, str]]:
    answer = accepted(employer.get(f"{PATH}/{batch['batch_id']}/result.csv"), 200)
    text = answer.content.decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text, newline=""), delimiter=";"))


def test_a_csv_file_of_a_danish_spreadsheet_is_booked(job: Job) -> None:
    content = (
        "\ufeffFrikortnummer;Reference;Arbejde fra;Arbejde til;Betalingsdag;Løn (kr.);Feriepenge (kr.)\r\n"
        f"{job.card.number};løn marts;01-03-2025;31-03-2025;31-03-2025;7.500,50;937,56\r\n"
        f"{job.card.number};løn april;01-04-2025;30-04-2025;30-04-2025;16,500;\r\n"
    )
    batch = done(job.employer, accepted(send(job.employer, content, "text/csv"), 202))
    good, bad = lines_of(job.employer, batch)
    assert (good["result"], good["total_ore"]) == ("accepted", 843_806)
    assert bad["errors"] == [
        {
            "code": "not-an-amount",
            "pointer": "/components/wage_ore",
            "column": "Løn (kr.)",
            "detail": "Must be an amount in kroner with a decimal comma, such as 1.234,50.",
        }
    ]
    assert [report["total_ore"] for report in job.card.reports()] == [843_806]


def test_a_held_file_is_booked_or_cancelled_by_its_sender(job: Job) -> None:
    employer = job.employer
    held = accepted(send(employer, content_of([job.body(1_000)]), hold="true"), 201)
    other = accepted(send(employer, content_of([job.body(2_000)]), hold="true"), 201)
    assert [entry["result"] for entry in lines_of(employer, held)] == ["pending"]
    accepted(employer.post(f"{PATH}/{other['batch_id']}/cancellation", {}), 200)
    assert job.card.reports() == []
    accepted(employer.post(f"{PATH}/{held['batch_id']}/booking", {}), 202)
    done(employer, held)
    assert [report["total_ore"] for report in job.card.reports()] == [1_000]
    listed = accepted(employer.get(PATH), 200)["batches"]
    assert [(entry["batch_id"], entry["status"]) for entry in listed] == [
        (other["batch_id"], "cancelled"),
        (held["batch_id"], "done"),
    ]


def test_the_file_of_another_employer_does_not_exist(world: World, job: Job) -> None:
    sent = send(job.employer, content_of([job.body()]), hold="true")
    for page in ("", "/lines", "/result.csv"):
        refused(world.employer().get(f"{PATH}/{sent['batch_id']}{page}"), 404, "batch-unknown")


def test_d6_a_file_is_checked_by_the_rules_of_reporting_before_it_is_booked(job: Job) -> None:
    employer = job.employer
    copy = job.body(4_000_000)
    bodies = [copy, copy, job.body(4_000_000), job.body(300_000), job.body(7, payment_date="2030-12-31")]
    sent = accepted(send(employer, content_of(bodies), hold="true"), 201)
    assert sent["status"] == "checking"
    held = employer.wait_for(sent.headers["location"], "status", "held", within=120)
    checks = [line["check"] for line in lines_of(employer, held)]
    accepted(employer.post(f"{PATH}/{held['batch_id']}/booking", {}), 202)
    booked = lines_of(employer, done(employer, sent))

    assert [check["result"] for check in checks] == [line["result"] for line in booked]
    assert [check["result"] for check in checks].count("refused") == 2
    assert held["check"]["excess_at_most_ore"] == 4_300_000 - 4_200_000
