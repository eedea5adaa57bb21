"""Evidence files: what is genuine verifies offline, and any change is found."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from hashlib import sha256
from pathlib import Path
from typing import Final

import pytest
from frikort_contracts.evidence import (
    EvidenceFile,
    EvidenceRoot,
    ExtractManifest,
    FilesManifest,
    ReportReceipt,
    digest_of_text,
    leaf_of,
    path_of,
    root_from,
    root_of,
)
from frikort_contracts.extract_files import ExtractKind, FileFormat, StoredFile
from frikort_contracts.extracts import Authority, ExtractFile, ExtractFormat
from frikort_contracts.months import Months
from frikort_contracts.values import Components, WorkPeriod
from frikort_contracts.verify import GENUINE, NOT_GENUINE, UNREADABLE, main
from hypothesis import given
from hypothesis import strategies as st

from services.gateway.audit.chain import SigningKey

KEY: Final = SigningKey(b"k" * 32)
AT: Final = datetime(2025, 4, 1, 9, 30, tzinfo=UTC)
FILE: Final = b"kort;beloeb\r\n"
RECEIPT: Final = ReportReceipt(
    report_id="3e1f0c2e-5a0b-5f7c-9b0e-2f1f6e0f5c11",
    revision=1,
    event="reported",
    accepted_at=AT,
    employment_id="9c1f0c2e-5a0b-5f7c-9b0e-2f1f6e0f5c11",
    cvr="10150817",
    year=2025,
    work=WorkPeriod(first=date(2025, 3, 1), last=date(2025, 3, 31)),
    payment_date=date(2025, 3, 31),
    components=Components(wage=500_000, holiday_pay=62_500, atp=0, pension=0),
    total=562_500,
)
MANIFEST: Final = ExtractManifest(
    extract_id="2d1f0c2e-5a0b-5f7c-9b0e-2f1f6e0f5c11",
    completed_at=AT,
    authority=Authority.SKAT,
    year=2025,
    municipality=None,
    provisional=False,
    count=1,
    reported=3,
    exempt=2,
    excess=1,
    files=(ExtractFile(format=ExtractFormat.CSV, parts=1, size=len(FILE), sha256=sha256(FILE).hexdigest()),),
)
OF_PERIOD: Final = FilesManifest(
    extract_id="2d1f0c2e-5a0b-5f7c-9b0e-2f1f6e0f5c12",
    completed_at=AT,
    contents=ExtractKind.MUNICIPALITY,
    year=None,
    period=Months(first="2025-11", last="2026-02"),
    municipality="101",
    positions=(),
    provisional=True,
    count=1,
    reported=3,
    exempt=2,
    excess=1,
    files=(StoredFile(format=FileFormat.CSV, name="x/1.csv", size=len(FILE), sha256=sha256(FILE).hexdigest()),),
)
STATEMENTS: Final = (RECEIPT.model_dump_json(), MANIFEST.model_dump_json(), "{}", OF_PERIOD.model_dump_json())


def evidence(index: int) -> EvidenceFile:
    leaves = [leaf_of(statement) for statement in STATEMENTS]
    root = EvidenceRoot(sequence=1, previous=None, size=len(leaves), root=root_of(leaves))
    return EvidenceFile(
        statement=STATEMENTS[index], index=index, path=path_of(leaves, index), signed_root=KEY.sign(root)
    )


def run(folder: Path, file: EvidenceFile, *arguments: str, key: SigningKey = KEY) -> int:
    keys, written = folder / "keys.json", folder / "evidence.json"
    keys.write_text(json.dumps({"keys": [key.public]}), encoding="utf-8")
    written.write_text(file.model_dump_json(), encoding="utf-8")
    return main([str(written), "--keys", str(keys), *arguments])


@given(st.integers(1, 70), st.data())
def test_every_leaf_has_a_path_to_the_root_and_no_other_leaf_has_it(size: int, data: st.DataObject) -> None:
    leaves = [leaf_of(str(number)) for number in range(size)]
    index = data.draw(st.integers(0, size - 1))
    path, root = path_of(leaves, index), root_of(leaves)

    assert root_from(leaves[index], index, size, path) == root
    assert root_from(leaf_of("other"), index, size, path) != root
    assert all(root_from(leaves[index], other, size, path) != root for other in range(size) if other != index)


def test_the_root_of_a_known_tree_is_that_of_the_standard() -> None:
    """RFC 6962's empty-string leaf, as in its reference implementation."""
    assert root_of([leaf_of("")]) == "bjQLnP-zepicpUTmu3gKLHiQHT-zNzh2hRGjBhevoB0"


def test_a_genuine_receipt_says_what_was_reported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(tmp_path, evidence(0)) == GENUINE

    out = capsys.readouterr().out
    assert out.startswith("Genuine.")
    assert '  payment_date: "2025-03-31"\n' in out
    assert "  total: 562500\n" in out


def test_a_receipt_says_nothing_of_the_card_the_person_or_other_reports() -> None:
    known = {"kind", "report_id", "revision", "event", "accepted_at", "employment_id", "cvr", "year"}
    reported = {"work", "payment_date", "components", "total"}
    assert set(ReportReceipt.model_fields) == known | reported


def test_the_files_of_an_extract_are_compared_with_its_manifest(tmp_path: Path) -> None:
    same, other = tmp_path / "a.csv", tmp_path / "b.csv"
    same.write_bytes(FILE)
    other.write_bytes(FILE + b"1;2\r\n")

    assert run(tmp_path, evidence(1), "--data", str(same)) == GENUINE
    assert run(tmp_path, evidence(1), "--data", str(same), str(other)) == NOT_GENUINE
    assert run(tmp_path, evidence(0), "--data", str(same)) == NOT_GENUINE


def test_the_manifest_of_a_period_says_which_months_it_has(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = tmp_path / "a.csv"
    data.write_bytes(FILE)

    assert run(tmp_path, evidence(3), "--data", str(data)) == GENUINE

    said = capsys.readouterr().out
    assert '  contents: "municipality"\n  period: {"first": "2025-11", "last": "2026-02"}\n' in said
    assert "year" not in said


@pytest.mark.parametrize(
    "change",
    [
        {"statement": STATEMENTS[0].replace("562500", "962500")},
        {"statement": STATEMENTS[1]},
        {"index": 1},
        {"path": ()},
        {"signed_root": evidence(0).signed_root[:-8] + "AAAAAAAA"},
        {"signed_root": "a.b.c"},
    ],
)
def test_a_changed_file_is_not_genuine(tmp_path: Path, change: dict[str, object]) -> None:
    assert run(tmp_path, evidence(0).model_copy(update=change)) == NOT_GENUINE


def test_a_file_of_another_key_is_not_genuine(tmp_path: Path) -> None:
    assert run(tmp_path, evidence(0), key=SigningKey(b"x" * 32)) == NOT_GENUINE


def test_a_root_that_was_never_published_is_not_genuine(tmp_path: Path) -> None:
    roots = tmp_path / "roots.txt"
    roots.write_text(f"{evidence(0).signed_root}\n", encoding="utf-8")
    assert run(tmp_path, evidence(0), "--roots", str(roots)) == GENUINE

    roots.write_text("another\n", encoding="utf-8")
    assert run(tmp_path, evidence(0), "--roots", str(roots)) == NOT_GENUINE


def test_a_gap_in_the_published_roots_is_found(tmp_path: Path) -> None:
    first = evidence(0).signed_root
    follows = EvidenceRoot(sequence=2, previous=digest_of_text(first), size=1, root=leaf_of("x"))
    for root, result in (
        (follows, GENUINE),
        (follows.model_copy(update={"sequence": 3}), NOT_GENUINE),
        (follows.model_copy(update={"previous": leaf_of("y")}), NOT_GENUINE),
    ):
        roots = tmp_path / "roots.txt"
        roots.write_text(f"{first}\n{KEY.sign(root)}\n", encoding="utf-8")
        assert run(tmp_path, evidence(0), "--roots", str(roots)) == result


def test_a_file_of_another_kind_is_unreadable(tmp_path: Path) -> None:
    other = tmp_path / "other.json"
    other.write_text("[]", encoding="utf-8")
    assert main([str(other), "--keys", str(other)]) == UNREADABLE
