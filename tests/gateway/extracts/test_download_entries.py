"""Everyone in an extract reads in the access log that it was downloaded, with the time at which it was made."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Final

import pytest
from frikort_contracts.extract_files import ExtractKind, FileFormat
from frikort_contracts.http.roles import Role
from frikort_contracts.months import Months

from services.gateway.audit.extracts import extracts_with
from services.gateway.audit.log import of_year
from services.gateway.extracts.requests import StoredExtractRequest
from services.gateway.extracts.scopes import Requester
from services.gateway.ordering import stamp
from services.gateway.projections.extract_files import ExtractFilesView, MadeView, StoredFileView
from tests.gateway.audit.test_entries import report
from tests.gateway.build import NOON, card_view
from tests.gateway.extracts.test_scopes import CALLERS, client_of
from tests.gateway.memory import MemoryGateway, memory_gateway

EXTRACT: Final = "5f1b0a4e-0000-4000-8000-000000000001"
MADE_AT: Final = NOON + timedelta(seconds=7)
WINTER: Final = Months(first="2025-12", last="2026-01")
CVR: Final = CALLERS["employer"].organisation
AUTHORITY: Final = Requester(Role.AUTHORITY, "skat")


async def gateway_with(
    folder: Path, kind: ExtractKind, requester: Requester, municipality: str | None = None, period: Months | None = None
) -> MemoryGateway:
    """A gateway with the file of an extract that was requested at noon and made seven seconds later."""
    gateway = await memory_gateway(extract_files=folder.as_uri())
    gateway.callers.update(CALLERS)
    await gateway.extract_requests.add(
        StoredExtractRequest(
            extract_id=EXTRACT,
            requester=requester.text,
            kind=kind,
            authority=requester.organisation if requester.role is Role.AUTHORITY else None,
            year=2025,
            period=period,
            municipality=municipality,
            requested_at=NOON,
        )
    )
    file = StoredFileView(format=FileFormat.CSV, name=f"{EXTRACT}/1.csv", size=4, sha256="ab" * 32)
    made = MadeView(completed_at=MADE_AT, provisional=False, count=2, reported=1, exempt=1, excess=0, files=[file])
    gateway.models.put("extract_files", EXTRACT, ExtractFilesView(extract_id=EXTRACT, attempt=1, made=made))
    writer = gateway.app.state.gateway.files.create(file.name)
    writer.write(b"abcd")
    writer.finish()
    return gateway


@pytest.mark.parametrize(
    ("caller", "path", "kind", "requester", "municipality", "period", "subjects"),
    [
        ("skat", "/v1/extracts", ExtractKind.TAX_YEAR, AUTHORITY, None, None, ["year:2025"]),
        ("skat", "/v1/extracts", ExtractKind.TAX_YEAR, AUTHORITY, "751", None, ["year:2025:751"]),
        ("skat", "/v1/extracts", ExtractKind.TAX_YEAR, AUTHORITY, None, WINTER, ["month:2025-12", "month:2026-01"]),
        (
            "849",
            "/v1/municipality/extracts",
            ExtractKind.MUNICIPALITY,
            Requester(Role.CASEWORKER, "849"),
            "849",
            None,
            ["year:2025:849"],
        ),
        (
            "employer",
            "/v1/employer/extracts",
            ExtractKind.EMPLOYER,
            Requester(Role.EMPLOYER, CVR),
            None,
            WINTER,
            [f"month:2025-12:{CVR}", f"month:2026-01:{CVR}"],
        ),
    ],
)
async def test_a_download_has_an_entry_for_everyone_in_the_extract_at_the_time_at_which_it_was_made(
    tmp_path: Path,
    caller: str,
    path: str,
    kind: ExtractKind,
    requester: Requester,
    municipality: str | None,
    period: Months | None,
    subjects: list[str],
) -> None:
    gateway = await gateway_with(tmp_path, kind, requester, municipality, period)

    async with client_of(gateway, caller) as client:
        first, part = [
            await client.get(f"{path}/{EXTRACT}/files/csv", headers=headers) for headers in ({}, {"range": "bytes=2-"})
        ]
        entries = gateway.accesses.take()

    assert (first.content, part.content) == (b"abcd", b"cd")
    assert [entry.subject for entry in entries if entry.at == MADE_AT] == subjects
    assert [entry.subject for entry in entries if entry.at != MADE_AT] == [f"extract:{EXTRACT}"] * 2
    assert {(entry.action, entry.role, entry.organisation) for entry in entries} == {
        ("read-extract", requester.role, requester.organisation)
    }


async def test_statistics_are_about_no_person(tmp_path: Path) -> None:
    gateway = await gateway_with(tmp_path, ExtractKind.STATISTICS, AUTHORITY)

    async with client_of(gateway, "skat") as client:
        assert (await client.get(f"/v1/extracts/{EXTRACT}/files/csv")).status_code == 200

    assert gateway.accesses.take() == []


async def test_a_card_that_got_earnings_after_the_request_finds_the_download(tmp_path: Path) -> None:
    gateway = await gateway_with(tmp_path, ExtractKind.TAX_YEAR, AUTHORITY)
    booked_at = NOON + timedelta(seconds=3)
    spans = extracts_with(card_view((NOON - timedelta(days=1), "101")), [report("1", [(booked_at, 5)])])

    async with client_of(gateway, "skat") as client:
        await client.get(f"/v1/extracts/{EXTRACT}/files/csv")
    entries = await gateway.accesses.latest(spans, own=False, before=None, limit=10)

    assert [(entry.subject, entry.at) for entry in entries] == [(of_year(2025, None), MADE_AT)]
    assert not any(span.subject == of_year(2025, None) and span.since <= stamp(NOON) for span in spans)
