"""``docs/operations.md`` is current. ``python -m tests.operations.test_documentation`` rewrites its metrics."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from frikort_contracts.topics import EARNINGS

from services.runtime import exit_codes, safety_checks
from services.runtime.settings import RuntimeSettings
from tests.house_rules.sources import python_files, read
from tests.operations.metric_table import MODULES, Metric, metrics

PAGE: Final = Path(__file__).parents[2] / "docs" / "operations.md"
BEGIN: Final = "<!-- metrics: written by tests/operations/test_documentation.py -->\n"
END: Final = "<!-- end of metrics -->"


def table() -> str:
    """The metrics as Markdown."""
    rows = ["| metric | kind | labels | what |", "|---|---|---|---|", *map(_row, metrics())]
    return "\n".join(rows) + "\n"


def _row(metric: Metric) -> str:
    unit = " (buckets, sum, count)" if metric.kind == "histogram" else ""
    labels = ", ".join(f"`{label}`" for label in metric.labels)
    return f"| `{metric.name}` | {metric.kind}{unit} | {labels} | {metric.about} |"


def _with_table(page: str) -> str:
    before, _, rest = page.partition(BEGIN)
    return before + BEGIN + table() + END + rest.partition(END)[2]


def test_every_metric_of_the_code_is_in_the_table() -> None:
    defining = {
        path.removesuffix(".py").replace("/", ".")
        for path in python_files()
        if path.startswith("services/")
        and re.search(r"^from prometheus_client import .*(Counter|Gauge|Histogram)", read(path), re.M)
    }
    assert defining == {module.__name__ for module in MODULES}


def test_no_label_has_a_value_that_a_person_or_a_client_chooses() -> None:
    """A further label is added here after a look at the values that it can have."""
    labels = {label for metric in metrics() for label in metric.labels}
    assert labels == {
        *("service", "version", "revision", "processor", "type", "topic", "partition"),
        *("method", "route", "outcome", "kind", "rule"),
    }


def test_the_table_of_metrics_is_current() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert page == _with_table(page), "run python -m tests.operations.test_documentation"


def test_every_exit_code_and_setting_of_a_topic_is_explained() -> None:
    page = PAGE.read_text(encoding="utf-8")
    for code in (exit_codes.DONE, exit_codes.CANNOT_START, exit_codes.STOPPED_ITSELF, exit_codes.UNSAFE_SETTING):
        assert f"| {code} |" in page
    for setting in safety_checks.topic_config(EARNINGS.name, EARNINGS, 3):
        assert f"`{setting}`" in page


def test_the_documented_figures_are_the_defaults() -> None:
    page = PAGE.read_text(encoding="utf-8")
    fields = RuntimeSettings.model_fields
    assert f"`FRIKORT_STALL_TIMEOUT` ({fields['stall_timeout'].default:.0f} s)" in page
    assert f"`FRIKORT_STOP_TIMEOUT` ({fields['stop_timeout'].default:.0f} s)" in page
    assert f"`FRIKORT_DEAD_LETTER_LIMIT` ({fields['dead_letter_limit'].default})" in page


if __name__ == "__main__":
    PAGE.write_text(_with_table(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
