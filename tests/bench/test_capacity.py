"""The tables of docs/capacity.md follow from what the benchmark measured."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.bench.capacity import ALONE, IN_A_FILE, PAGE, TABLES, Cost, cost_of, main, model_table, with_tables

COST = Cost(
    {"B Kafka": 3000.0, "B frikort.outcomes.v1": 365.0, "B MongoDB's disk": 6000.0, "ms of reporting": 6.0},
    {"B Kafka": 1000.0, "B frikort.outcomes.v1": 365.0, "B MongoDB's disk": 2000.0, "ms of reporting": 0.5},
)


def row(what: str) -> list[str]:
    (line,) = [line for line in model_table(COST) if line.startswith(f"| {what}")]
    return [cell.strip() for cell in line.strip("|").split("|")[1:]]


def test_half_of_the_reports_come_alone_and_half_in_files() -> None:
    assert row("MongoDB, a member and year") == ["400 MB", "4.0 GB", "40 GB", "400 GB"]


def test_outcomes_are_kept_for_ninety_days_of_a_year() -> None:
    assert COST.kafka_bytes == pytest.approx(2000 - 365 + 90)


def test_the_busiest_minute_has_five_times_the_average_of_the_three_days_of_half_a_months_reports() -> None:
    busiest_day = 10**8 / 12 / 2 / 3
    assert row("busiest minute, reports a second")[-1] == f"{5 * busiest_day / 36_000:,.0f}"


def test_all_processes_of_the_busiest_minute_are_compared_with_its_busiest_partition() -> None:
    assert row("processor of the busiest minute")[-1] == "1.2 cores"
    assert row("of it one of the 6 partitions of reporting")[-1] == "0.19 cores"


def test_the_page_has_a_place_for_each_table() -> None:
    page = with_tables(PAGE.read_text(), COST)
    assert all(line in page for table in TABLES.values() for line in table(COST))
    assert with_tables(page, COST) == page


def test_figures_that_were_not_measured_leave_the_page_as_it_is(tmp_path: Path) -> None:
    result, page = tmp_path / "bench.json", tmp_path / "capacity.md"
    result.write_text(json.dumps({"medians": {ALONE: {"B Kafka": 1.0}, IN_A_FILE: {}}}))
    page.write_text("before")

    assert main(result, page) == 1
    assert page.read_text() == "before"
    with pytest.raises(ValueError, match="has not measured both cases"):
        cost_of(json.loads(result.read_text()))
