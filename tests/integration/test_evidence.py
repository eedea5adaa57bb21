"""Receipts and manifests of the running system, checked as a third party does: offline, with the public keys."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import pytest
from frikort_contracts.verify import GENUINE, NOT_GENUINE, main

from tests.integration.scene import Client, World, accepted
from tests.waiting import eventually

YEAR: Final = 2025
SIGNED_WITHIN: Final = 60.0


async def evidence_of(caller: Client, path: str) -> dict[str, Any]:
    """The evidence file at ``path``, once it is signed."""

    async def signed() -> dict[str, Any] | None:
        answer = caller.get(path)
        if answer.status == 409:
            return None
        return dict(accepted(answer, 200).body)

    return await eventually(signed, within=SIGNED_WITHIN, what=path)


def written(folder: Path, name: str, content: object) -> str:
    path = folder / name
    path.write_text(json.dumps(content), encoding="utf-8")
    return str(path)


async def test_a_receipt_and_a_manifest_are_genuine_offline(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    job = world.job()
    report = accepted(job.report(123_400), 201)
    receipt = await evidence_of(job.employer, f"/v1/reports/{report['report_id']}/receipt")
    authority = world.authority("star")
    extract = accepted(authority.post("/v1/extracts", {"year": YEAR}), 201)
    manifest = await evidence_of(authority, f"/v1/extracts/{extract['extract_id']}/manifest")
    keys = written(tmp_path, "keys.json", accepted(job.employer.without_token().get("/v1/evidence/keys"), 200).body)

    assert main([written(tmp_path, "receipt.json", receipt), "--keys", keys]) == GENUINE
    assert "  total: 123400\n" in capsys.readouterr().out
    assert main([written(tmp_path, "manifest.json", manifest), "--keys", keys]) == GENUINE
    assert f'  extract_id: "{extract["extract_id"]}"\n' in capsys.readouterr().out
    forged = {**receipt, "statement": receipt["statement"].replace("123400", "923400")}
    assert main([written(tmp_path, "forged.json", forged), "--keys", keys]) == NOT_GENUINE


async def test_the_manifest_of_a_period_is_genuine_offline_and_names_its_months(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    authority = world.authority("star")
    extract = accepted(authority.post("/v1/extracts", {"from": "2025-02", "to": "2025-04"}), 201)
    manifest = await evidence_of(authority, f"/v1/extracts/{extract['extract_id']}/manifest")
    keys = written(tmp_path, "keys.json", accepted(authority.without_token().get("/v1/evidence/keys"), 200).body)

    assert main([written(tmp_path, "manifest.json", manifest), "--keys", keys]) == GENUINE
    assert '  period: {"first": "2025-02", "last": "2025-04"}\n' in capsys.readouterr().out


def test_an_employer_has_no_receipt_of_another_employers_report(world: World) -> None:
    report = accepted(world.job().report(), 201)

    answer = world.employer().get(f"/v1/reports/{report['report_id']}/receipt")

    assert answer.status == 404
