"""Ranges of the files of an extract: a download that broke off continues where it ended."""

from __future__ import annotations

from collections.abc import AsyncIterator
from hashlib import sha256
from pathlib import Path
from typing import Final

import httpx2
import pytest
from frikort_contracts.extract_files import ExtractKind, FileFormat
from frikort_contracts.http.roles import Role

from services.gateway.auth import Caller
from services.gateway.extracts.requests import StoredExtractRequest
from services.gateway.projections import extracts
from services.gateway.projections.extract_files import ExtractFilesView, MadeView, StoredFileView
from services.gateway.projections.extracts import ExtractFileView, ExtractPartView, ExtractView, ManifestView
from tests.gateway.build import NOON
from tests.gateway.memory import MemoryGateway, memory_gateway

EXTRACT: Final = "5f1b0a4e-0000-4000-8000-000000000001"
PARTS: Final = ("kort;år\r\n", "1;2025\r\n", "2;2025\r\n")
FILE: Final = "".join(PARTS).encode()
SHA256: Final = sha256(FILE).hexdigest()


async def in_parts(gateway: MemoryGateway) -> None:
    """The file of an extract that the release before made."""
    file = ExtractFileView(format="csv", parts=len(PARTS), size=len(FILE), sha256=SHA256)
    manifest = ManifestView(
        attempt=1, completed_at=NOON, provisional=False, count=2, reported=1, exempt=1, excess=0, files=[file]
    )
    gateway.models.put("extracts", EXTRACT, ExtractView(extract_id=EXTRACT, attempt=1, manifest=manifest))
    for index, content in enumerate(PARTS):
        part = ExtractPartView(extract_id=EXTRACT, attempt=1, format="csv", index=index, content=content)
        gateway.models.put("extract_parts", extracts.part_id(EXTRACT, 1, "csv", index), part)


async def in_a_folder(gateway: MemoryGateway) -> None:
    """The same file in the folder of the gateway."""
    file = StoredFileView(format=FileFormat.CSV, name=f"{EXTRACT}/1.csv", size=len(FILE), sha256=SHA256)
    made = MadeView(completed_at=NOON, provisional=False, count=2, reported=1, exempt=1, excess=0, files=[file])
    gateway.models.put("extract_files", EXTRACT, ExtractFilesView(extract_id=EXTRACT, attempt=1, made=made))
    writer = gateway.app.state.gateway.files.create(file.name)
    writer.write(FILE)
    writer.finish()


@pytest.fixture(params=[in_a_folder, in_parts])
async def client(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[httpx2.AsyncClient]:
    """The authority's client, of a gateway with one extract."""
    gateway = await memory_gateway(extract_files=tmp_path.as_uri())
    gateway.callers["skat"] = Caller("issuer", "c", "analyst-1", Role.AUTHORITY, "skat")
    await gateway.extract_requests.add(
        StoredExtractRequest(
            extract_id=EXTRACT,
            requester="authority:skat",
            kind=ExtractKind.TAX_YEAR,
            authority="skat",
            year=2025,
            municipality=None,
            requested_at=NOON,
        )
    )
    await request.param(gateway)
    headers = {"authorization": "Bearer skat"}
    transport = httpx2.ASGITransport(app=gateway.app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://gateway", headers=headers) as client:
        yield client


async def get(client: httpx2.AsyncClient, **headers: str) -> httpx2.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return await client.get(f"/v1/extracts/{EXTRACT}/files/csv", headers=named)


async def test_every_range_is_the_part_of_the_file_that_it_names(client: httpx2.AsyncClient) -> None:
    for first in range(len(FILE)):
        for last in range(first, len(FILE)):
            answer = await get(client, range=f"bytes={first}-{last}")
            assert answer.status_code == 206
            assert answer.content == FILE[first : last + 1]
            assert answer.headers["content-range"] == f"bytes {first}-{last}/{len(FILE)}"
            assert answer.headers["content-length"] == str(last + 1 - first)


async def test_a_download_that_broke_off_continues_where_it_ended(client: httpx2.AsyncClient) -> None:
    whole = await get(client)
    rest = await get(client, range="bytes=10-", if_range=whole.headers["etag"])

    assert whole.headers["accept-ranges"] == "bytes"
    assert whole.content[:10] + rest.content == FILE


async def test_another_version_of_the_file_is_sent_whole(client: httpx2.AsyncClient) -> None:
    answer = await get(client, range="bytes=10-", if_range='"another"')

    assert (answer.status_code, answer.content) == (200, FILE)


async def test_a_range_after_the_end_is_refused_with_the_size(client: httpx2.AsyncClient) -> None:
    answer = await get(client, range="bytes=5000-")

    assert answer.status_code == 416
    assert answer.json()["code"] == "range-not-satisfiable"
    assert answer.headers["content-range"] == f"bytes */{len(FILE)}"


async def test_the_name_of_a_file_contains_the_id_of_its_extract(client: httpx2.AsyncClient) -> None:
    assert (await get(client)).headers["content-disposition"] == (
        f'attachment; filename="frikort-skat-2025-{EXTRACT}.csv"'
    )


@pytest.mark.parametrize("client", [in_a_folder], indirect=True)
async def test_files_that_are_deleted_are_gone(tmp_path: Path, client: httpx2.AsyncClient) -> None:
    (tmp_path / EXTRACT / "1.csv").unlink()
    answer = await get(client)

    assert (answer.status_code, answer.json()["code"]) == (410, "extract-expired")
