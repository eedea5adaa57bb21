"""``docs/operations.md`` is current. ``python -m tests.operations.test_documentation`` rewrites its metrics."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from frikort_contracts.topics import EARNINGS
from prometheus_client import Histogram
from prometheus_client.metrics import MetricWrapperBase

from services.runtime import exit_codes, metrics, safety_checks
from services.runtime.settings import RuntimeSettings

PAGE: Final = Path(__file__).parents[2] / "docs" / "operations.md"
BEGIN: Final = "<!-- metrics: written by tests/operations/test_documentation.py -->\n"
END: Final = "<!-- end of metrics -->"


def table() -> str:
    """The metrics as Markdown."""
    rows = ["| metric | kind | labels | what |", "|---|---|---|---|", *map(_row, metrics.CATALOGUE)]
    return "\n".join(rows) + "\n"


def _row(metric: MetricWrapperBase) -> str:
    # prometheus_client has no public access to these, and removes "_total" from the name of a counter.
    name = metric._name + ("_total" if metric._type == "counter" else "")
    unit = " (buckets, sum, count)" if isinstance(metric, Histogram) else ""
    labels = ", ".join(f"`{label}`" for label in metric._labelnames)
    return f"| `{name}` | {metric._type}{unit} | {labels} | {metric._documentation} |"


def _with_table(page: str) -> str:
    before, _, rest = page.partition(BEGIN)
    return before + BEGIN + table() + END + rest.partition(END)[2]


def test_every_metric_is_in_the_catalogue() -> None:
    there = {value for value in vars(metrics).values() if isinstance(value, MetricWrapperBase)}
    assert there == set(metrics.CATALOGUE)


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
