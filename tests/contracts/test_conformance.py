"""The conformance command compares the figures of two parties and shows neither's."""

from __future__ import annotations

import json
import secrets
from pathlib import Path
from typing import Any

import pytest
from frikort_contracts.conformance import DIFFERENT, SAME, UNREADABLE, differing, digests, figures_of, main

KEY = b"k" * 32


def row(card: str = "a", year: int = 2025, exempt: int = 1, excess: int = 0, **more: Any) -> dict[str, Any]:
    return {"card_id": card, "year": year, "exempt": exempt, "excess": excess, **more}


def test_the_same_figures_in_another_order_are_the_same() -> None:
    rows = [row("a"), row("b", exempt=7), row("a", 2024)]
    assert differing(digests(figures_of(rows), KEY), digests(figures_of(reversed(rows)), KEY)) == []


@pytest.mark.parametrize("other", [row(exempt=2), row(excess=1), row(year=2024), row("b"), row(exempt=0)], ids=str)
def test_another_amount_year_or_card_differs(other: dict[str, Any]) -> None:
    assert differing(digests(figures_of([row()]), KEY), digests(figures_of([other]), KEY))


def test_the_newest_record_counts_and_a_year_at_zero_or_its_end_does_not() -> None:
    records = [
        row(exempt=5, revision=2),
        row(exempt=1, revision=1),
        row("b", exempt=3, revision=1),
        {"card_id": "b", "year": 2025, "revision": 2},
        row("c", exempt=0, revision=1),
        {"card_id": "d", "revision": 1},
    ]
    assert figures_of(records) == {("a", "2025"): (5, 0)}


def test_the_figures_of_months_are_compared_by_month() -> None:
    months = [{"card_id": "a", "month": month, "exempt": 1, "excess": 0} for month in ("2025-12", "2026-01")]
    moved = [{**months[0], "exempt": 2}, {**months[1], "exempt": 0}]
    assert figures_of(months) == {("a", "2025-12"): (1, 0), ("a", "2026-01"): (1, 0)}
    assert differing(digests(figures_of(months), KEY), digests(figures_of(moved), KEY))


def test_amounts_without_a_year_or_month_are_refused() -> None:
    with pytest.raises(ValueError, match="no year or month"):
        figures_of([{"card_id": "a", "exempt": 1, "excess": 0}])


@pytest.mark.parametrize("buckets", [0, -3])
def test_digests_need_a_bucket(buckets: int) -> None:
    with pytest.raises(ValueError, match="at least one bucket"):
        digests(figures_of([row()]), KEY, buckets)


def test_two_sides_without_figures_are_not_the_same() -> None:
    with pytest.raises(ValueError, match="no figures on either side"):
        differing(digests({}, KEY), digests({}, KEY))


@pytest.mark.parametrize("change", [{"format": "frikort-conformance-2"}, {"buckets": []}], ids=str)
def test_what_is_no_output_of_digest_is_refused(change: dict[str, Any]) -> None:
    ours = digests(figures_of([row()]), KEY)
    with pytest.raises(ValueError, match="no output of digest"):
        differing(ours, {**ours, **change})


def test_digests_show_neither_figures_nor_cards_and_depend_on_the_key() -> None:
    made = digests(figures_of([row("card-of-someone", exempt=123_456)]), KEY)
    assert "card-of-someone" not in json.dumps(made)
    assert "123456" not in json.dumps(made)
    assert digests(figures_of([row("card-of-someone", exempt=123_456)]), b"x" * 32)["buckets"] != made["buckets"]


def test_a_difference_shows_in_one_bucket() -> None:
    rows = [row(f"card-{number}") for number in range(500)]
    changed = [*rows[:-1], row("card-499", exempt=2)]
    assert len(differing(digests(figures_of(rows), KEY), digests(figures_of(changed), KEY))) == 1


def test_a_short_key_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 32 bytes"):
        digests({}, b"short")


def test_the_command_compares_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    key = tmp_path / "key"
    key.write_bytes(secrets.token_bytes(32))
    for name, amount in (("ours", 1), ("same", 1), ("other", 2)):
        (tmp_path / f"{name}.jsonl").write_text(json.dumps(row(exempt=amount)) + "\n")
        assert main(["digest", str(tmp_path / f"{name}.jsonl"), "--key", str(key), "--buckets", "1"]) == SAME
        out = capsys.readouterr()
        assert "do not give" in out.err
        (tmp_path / name).write_text(out.out)
    assert main(["compare", str(tmp_path / "ours"), str(tmp_path / "same")]) == SAME
    assert main(["compare", str(tmp_path / "ours"), str(tmp_path / "other")]) == DIFFERENT
    assert main(["compare", str(tmp_path / "ours"), str(tmp_path / "missing")]) == UNREADABLE
    empty = tmp_path / "empty.jsonl"
    empty.touch()
    assert main(["digest", str(empty), "--key", str(key), "--buckets", "0"]) == UNREADABLE
