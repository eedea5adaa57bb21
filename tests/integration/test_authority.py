"""Extracts, end to end: requested, made, downloaded, and equal to the ledger to the øre."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from typing import Any

import pyarrow.parquet as pq
import pytest
from frikort_contracts.months import Months
from frikort_contracts.municipalities import MUNICIPALITIES

from deploy.local.client import Answer
from tests import agency
from tests.integration.scene import ALLOWANCE, Card, Client, Job, World, accepted, refused
from tests.waiting import eventually

OWN = "825"
"""The smallest municipality, used by no other test: an extract of it holds what these tests made."""


ISLAND = "492"
"""Another small municipality, used by no other test."""


@pytest.fixture(scope="module")
def jobs(world: World) -> list[Job]:
    """Two cards: one above the allowance, with two employers; one well below it."""
    rich, poor = world.card(municipality=OWN), world.card(municipality=OWN)
    jobs = [world.job(rich), world.job(rich), world.job(poor)]
    jobs[0].report(4_000_000)
    jobs[1].report(500_050)
    jobs[2].report(100_000)
    corrected = jobs[2].report(300_000)
    correction = jobs[2].correction(200_001)
    accepted(jobs[2].employer.post(f"/v1/reports/{corrected['report_id']}/correction", correction), 200)
    return jobs


async def made(requester: Client, path: str = "/v1/extracts", **body: Any) -> Answer:
    """A completed extract."""
    extract = accepted(requester.post(path, body), 201)
    address = f"{path}/{extract['extract_id']}"
    assert extract.headers["location"] == address

    async def done() -> Answer | None:
        answer = accepted(requester.get(address), 200)
        return answer if answer["status"] == "done" else None

    return await eventually(done, within=60, what="the extract")


def files_of(authority: Client, extract: Answer) -> dict[str, bytes]:
    """Each file, which has the manifest's size and digest."""
    files = {}
    for file in extract["manifest"]["files"]:
        answer = accepted(authority.get(file["href"]), 200)
        assert len(answer.content) == file["size"]
        assert hashlib.sha256(answer.content).hexdigest() == file["sha256"]
        assert answer.headers["etag"] == f'"{file["sha256"]}"'
        files[file["format"]] = answer.content
    assert set(files) == {"csv", "jsonl", "parquet"}
    return files


def cards_of(jobs: list[Job]) -> list[Card]:
    return [jobs[0].card, jobs[2].card]


async def test_the_tax_agencys_extract_equals_the_ledger(world: World, jobs: list[Job]) -> None:
    skat = world.authority("skat")
    extract = await made(skat, year=2025, municipality=OWN)
    manifest, files = extract["manifest"], files_of(skat, extract)
    balances = [card.balance() for card in cards_of(jobs)]
    assert manifest["count"] == 2
    assert manifest["reported_ore"] == sum(b["reported_ore"] for b in balances) == 4_800_051
    assert manifest["exempt_ore"] == sum(b["exempt_ore"] for b in balances) == ALLOWANCE + 300_001
    assert manifest["excess_ore"] == sum(b["excess_ore"] for b in balances) == 223_450
    assert not manifest["provisional"]
    statements = {s["card_id"]: s for s in map(json.loads, files["jsonl"].splitlines())}
    assert set(statements) == {card.id for card in cards_of(jobs)}
    for card in cards_of(jobs):
        statement, balance = statements[card.id], card.balance()
        assert {name: statement[name] for name in ("reported", "exempt", "excess")} == {
            name: balance[f"{name}_ore"] for name in ("reported", "exempt", "excess")
        }
        key = agency.private_key(world.system.keys.authority_private_keys)
        assert agency.cpr_of(statement["cpr"], key, statement["card_id"]) == card.citizen.cpr
    by_employer = {line["cvr"]: line["exempt"] for line in statements[jobs[0].card.id]["employers"]}
    assert by_employer == {jobs[0].employer.cvr: 4_000_000, jobs[1].employer.cvr: 276_600}


async def test_the_csv_file_has_a_row_for_each_employer_and_the_same_sums(world: World, jobs: list[Job]) -> None:
    skat = world.authority("skat")
    extract = await made(skat, year=2025, municipality=OWN)
    files = files_of(skat, extract)
    text = files["csv"].decode()
    assert text.startswith("\ufeff")
    rows = list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff")), delimiter=";"))
    assert {(row["Kort-id"], row["CVR"]) for row in rows} == {(job.card.id, job.employer.cvr) for job in jobs}
    exempt = sum(int(row["Skattefrit (kr.)"].replace(",", "")) for row in rows)
    assert exempt == extract["manifest"]["exempt_ore"]
    table = pq.read_table(io.BytesIO(files["parquet"]))
    assert sum(table["exempt"].to_pylist()) == exempt
    assert table["cvr"].to_pylist() == [row["CVR"] for row in rows]


async def test_an_employer_gets_its_own_reports(world: World, jobs: list[Job]) -> None:
    extract = await made(jobs[1].employer, "/v1/employer/extracts", year=2025)

    (row,) = map(json.loads, files_of(jobs[1].employer, extract)["jsonl"].splitlines())
    assert (extract["kind"], row["reported"], row["exempt"], row["excess"]) == ("employer", 500_050, 276_600, 223_450)


async def test_each_requester_finds_its_extract_in_the_list_and_its_signed_manifest(
    world: World, jobs: list[Job]
) -> None:
    requesters = {
        "/v1/municipality/extracts": world.caseworker(OWN),
        "/v1/employer/extracts": jobs[1].employer,
        "/v1/me/extracts": jobs[0].card.owner,
    }
    extracts = {path: await made(requester, path, year=2025) for path, requester in requesters.items()}

    for path, requester in requesters.items():
        extract = extracts[path]
        address = f"{path}/{extract['extract_id']}/manifest"

        async def signed(requester: Client = requester, address: str = address) -> Answer | None:
            answer = requester.get(address)
            return None if answer.status == 409 else accepted(answer, 200)

        manifest = await eventually(signed, within=60, what="the signature of the manifest")
        listed = accepted(requester.get(path), 200)

        assert extract["extract_id"] in [one["extract_id"] for one in listed["extracts"]]
        for file in extract["manifest"]["files"]:
            assert file["sha256"] in manifest.content.decode()
            assert file["href"].startswith(path)
        files_of(requester, extract)


async def test_a_municipality_and_a_citizen_get_their_own_cards(world: World, jobs: list[Job]) -> None:
    card = jobs[0].card
    municipality = await made(world.caseworker(OWN), "/v1/municipality/extracts", year=2025)
    own = await made(card.owner, "/v1/me/extracts", year=2025)

    assert (municipality["kind"], municipality["manifest"]["count"]) == ("municipality", 2)
    assert (own["kind"], own["manifest"]["count"]) == ("citizen", 1)
    assert own["manifest"]["reported_ore"] == card.balance()["reported_ore"]


async def test_a_citizen_reads_who_downloaded_an_extract_with_the_card(world: World, jobs: list[Job]) -> None:
    star = world.authority("star")
    extract = await made(star, year=2025, municipality=OWN)
    files_of(star, extract)

    page = accepted(jobs[2].card.owner.get("/v1/me/accesses", own="false", limit=500), 200)

    by_star = "The Danish Agency for Labour Market and Recruitment"
    downloads = [line for line in page["accesses"] if (line["by"], line["action"]) == (by_star, "read-extract")]
    assert [line["at"] for line in downloads if line["at"] == extract["manifest"]["completed_at"]] != []
    assert {line["description"] for line in downloads} == {"downloaded an extract that your card is part of, of 2025"}


async def test_the_months_of_a_year_sum_to_the_extract_of_the_year(world: World) -> None:
    """A correction moves a wage to another month; the third one is above the allowance."""
    job = world.job(world.card(municipality=ISLAND))
    caseworker, path = world.caseworker(ISLAND), "/v1/municipality/extracts"
    february = {"first": "2025-02-01", "last": "2025-02-28"}
    first = job.report(2_000_000, work=february, payment_date="2025-02-28")
    job.report(2_500_050)
    job.report(77_700, payment_date="2025-06-30")
    moved = job.correction(2_000_001, work=february, payment_date="2025-04-01")
    accepted(job.employer.post(f"/v1/reports/{first['report_id']}/correction", moved), 200)

    year = (await made(caseworker, path, year=2025))["manifest"]
    months = {
        month: await made(caseworker, path, **{"from": month, "to": month}) for month in Months.of_year(2025).names
    }
    whole = await made(caseworker, path, **{"from": "2025-01", "to": "2025-12"})

    for name in ("reported_ore", "exempt_ore", "excess_ore"):
        assert sum(month["manifest"][name] for month in months.values()) == year[name] == whole["manifest"][name]
    rows = [json.loads(line) for line in files_of(caseworker, whole)["jsonl"].splitlines()]
    assert [(row["card_id"], row["month"], row["exempt"], row["excess"]) for row in rows] == [
        (job.card.id, "2025-03", 2_276_599, 223_451),
        (job.card.id, "2025-04", 2_000_001, 0),
        (job.card.id, "2025-06", 0, 77_700),
    ]
    assert (whole["from"], whole["to"], whole["year"]) == ("2025-01", "2025-12", 2025)


async def test_the_employer_and_the_citizen_get_their_own_payments_of_a_period(world: World, jobs: list[Job]) -> None:
    period = {"from": "2025-03", "to": "2025-03"}
    employer = await made(jobs[1].employer, "/v1/employer/extracts", **period)
    own = await made(jobs[0].card.owner, "/v1/me/extracts", **period)

    (report,) = map(json.loads, files_of(jobs[1].employer, employer)["jsonl"].splitlines())
    (month,) = map(json.loads, files_of(jobs[0].card.owner, own)["jsonl"].splitlines())
    assert (report["payment_date"], report["exempt"], report["excess"]) == ("2025-03-31", 276_600, 223_450)
    assert (month["month"], month["reported"]) == ("2025-03", jobs[0].card.balance()["reported_ore"])


async def test_the_extract_for_star_has_neither_cpr_numbers_nor_employers(world: World, jobs: list[Job]) -> None:
    star = world.authority("star")
    extract = await made(star, year=2025, municipality=OWN)
    files = files_of(star, extract)
    assert extract["manifest"]["exempt_ore"] == ALLOWANCE + 300_001
    statements = [json.loads(line) for line in files["jsonl"].splitlines()]
    assert len(statements) == 2
    for statement in statements:
        assert not {"cpr", "employers", "cvr"} & set(statement)
    all_files = b"".join(files.values())
    for job in jobs:
        for secret in (job.employer.cvr, job.card.citizen.cpr, job.card.citizen.name):
            assert secret.encode() not in all_files


async def test_an_authority_gets_the_public_statistics(world: World) -> None:
    extract = await made(world.authority("skat"), year=2025, content="statistics")
    assert extract["kind"] == "statistics"
    files_of(world.authority("skat"), extract)


async def test_an_extract_contains_reports_that_were_accepted_just_before(world: World) -> None:
    job = world.job(world.card(municipality="563"))
    job.report(123_400)
    extract = await made(world.authority("skat"), year=2025, municipality="563")
    assert extract["manifest"]["exempt_ore"] >= 123_400


async def test_an_extract_without_statements_is_empty_and_complete(world: World) -> None:
    skat = world.authority("skat")
    extract = await made(skat, year=2019, municipality=OWN)
    assert extract["manifest"]["count"] == 0
    assert files_of(skat, extract)["jsonl"] == b""


async def test_extracts_are_listed_newest_first_for_their_authority_only(world: World) -> None:
    skat, star = world.authority("skat"), world.authority("star")
    first = await made(skat, year=2020, municipality=OWN)
    second = await made(skat, year=2021, municipality=OWN)
    listed = [e["extract_id"] for e in accepted(skat.get("/v1/extracts"), 200)["extracts"]]
    assert listed.index(second["extract_id"]) < listed.index(first["extract_id"])
    others = [e["extract_id"] for e in accepted(star.get("/v1/extracts"), 200)["extracts"]]
    assert first["extract_id"] not in others


async def test_the_extract_of_another_authority_does_not_exist(world: World) -> None:
    extract = await made(world.authority("skat"), year=2022, municipality=OWN)
    star, path = world.authority("star"), f"/v1/extracts/{extract['extract_id']}"
    refused(star.get(path), 404, "extract-unknown")
    for file_format in ("csv", "jsonl", "parquet"):
        refused(star.get(f"{path}/files/{file_format}"), 404, "extract-unknown")


async def test_an_unchanged_file_is_not_sent_again(world: World) -> None:
    skat = world.authority("skat")
    extract = await made(skat, year=2023, municipality=OWN)
    file = extract["manifest"]["files"][0]
    again = skat.raw("GET", file["href"], headers={"If-None-Match": f'"{file["sha256"]}"'})
    assert (again.status, again.content) == (304, b"")


async def test_the_same_request_under_the_same_key_is_one_extract(world: World) -> None:
    skat = world.authority("skat")
    first = skat.post("/v1/extracts", {"year": 2024, "municipality": OWN}, key="one-extract")
    again = skat.post("/v1/extracts", {"year": 2024, "municipality": OWN}, key="one-extract")
    assert first["extract_id"] == again["extract_id"]


def test_an_extract_of_an_unknown_municipality_is_refused(world: World) -> None:
    assert "999" not in MUNICIPALITIES
    problem = world.authority("skat").post("/v1/extracts", {"year": 2025, "municipality": "999"})
    refused(problem, 422, "invalid-request")
