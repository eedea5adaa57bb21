"""The dashboard of Grafana: ``python -m deploy.observability.dashboard`` writes it from the table in this module."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final, NamedTuple

FILE: Final = Path(__file__).with_name("dashboard.json")

_COLUMNS: Final = 24
_PANEL_WIDTH: Final = 8
_PANEL_HEIGHT: Final = 8


class Panel(NamedTuple):
    """A graph: its unit as Grafana names it, its query, and the legend of a series."""

    title: str
    unit: str
    query: str
    legend: str


class Row(NamedTuple):
    """A row of panels."""

    title: str
    panels: tuple[Panel, ...]


ROWS: Final = (
    Row(
        "Requests",
        (
            Panel(
                "Requests by outcome",
                "reqps",
                "sum by (service, outcome) (rate(frikort_http_request_seconds_count[$__rate_interval]))",
                "{{service}} {{outcome}}",
            ),
            Panel(
                "Slowest routes (99th percentile)",
                "s",
                "topk(10, histogram_quantile(0.99, sum by (service, method, route, le) "
                "(rate(frikort_http_request_seconds_bucket[$__rate_interval]))))",
                "{{service}} {{method}} {{route}}",
            ),
            Panel(
                "Failed requests by route",
                "reqps",
                "topk(10, sum by (service, method, route) "
                '(rate(frikort_http_request_seconds_count{outcome="failed"}[$__rate_interval])) > 0)',
                "{{service}} {{method}} {{route}}",
            ),
            Panel(
                "Share of failed requests, 1 h (objective: 0.1 %)",
                "percentunit",
                "frikort:requests_failed:ratio_1h",
                "{{service}}",
            ),
            Panel(
                "Share of slow requests, 1 h (objective: 1 %)",
                "percentunit",
                "frikort:requests_slow:ratio_1h",
                "{{service}}",
            ),
            Panel(
                "Time from command to outcome (99th percentile)",
                "s",
                "histogram_quantile(0.99, sum by (type, le) (rate(frikort_record_age_seconds_bucket"
                '{processor="gateway.outcomes"}[$__rate_interval])))',
                "{{type}}",
            ),
        ),
    ),
    Row(
        "Processing",
        (
            Panel(
                "Messages applied",
                "cps",
                "sum by (processor) (rate(frikort_messages_applied_total[$__rate_interval]))",
                "{{processor}}",
            ),
            Panel(
                "Age of a message at each stage (99th percentile)",
                "s",
                "histogram_quantile(0.99, sum by (processor, le) "
                "(rate(frikort_record_age_seconds_bucket[$__rate_interval])))",
                "{{processor}}",
            ),
            Panel("Lag", "short", "sum by (processor, topic) (frikort_lag_records)", "{{processor}} {{topic}}"),
            Panel(
                "Time of a batch (99th percentile)",
                "s",
                "histogram_quantile(0.99, sum by (processor, le) "
                "(rate(frikort_batch_seconds_bucket[$__rate_interval])))",
                "{{processor}}",
            ),
            Panel(
                "Batches tried again",
                "cps",
                "sum by (processor) (rate(frikort_batch_retries_total[$__rate_interval]))",
                "{{processor}}",
            ),
            Panel(
                "Events published",
                "cps",
                "sum by (processor) (rate(frikort_events_published_total[$__rate_interval]))",
                "{{processor}}",
            ),
            Panel(
                "Time since the last batch",
                "s",
                "time() - max by (processor) (frikort_last_progress_timestamp_seconds > 0)",
                "{{processor}}",
            ),
            Panel("Stalled", "short", "max by (processor) (frikort_stalled)", "{{processor}}"),
            Panel(
                "Dead letters that wait",
                "short",
                "max by (processor, topic) (frikort_dead_letters_waiting) > 0",
                "{{processor}} {{topic}}",
            ),
            Panel(
                "Records that became dead letters",
                "short",
                "sum by (processor) (increase(frikort_dead_letters_total[$__rate_interval]))",
                "{{processor}}",
            ),
        ),
    ),
    Row(
        "Processes",
        (
            Panel(
                "Releases",
                "short",
                "count by (service, version, revision) (frikort_build_info)",
                "{{service}} {{version}} {{revision}}",
            ),
            Panel("Ready", "short", "sum by (service) (frikort_ready)", "{{service}}"),
            Panel(
                "Memory", "bytes", "process_resident_memory_bytes and on (instance) frikort_build_info", "{{instance}}"
            ),
            Panel("Read models stale", "short", "max(frikort_gateway_projections_stale)", "stale"),
            Panel(
                "Records that the read models have not applied",
                "short",
                "max(frikort_gateway_projections_lag)",
                "records",
            ),
            Panel(
                "Processor time",
                "percentunit",
                "rate(process_cpu_seconds_total[$__rate_interval]) and on (instance) frikort_build_info",
                "{{instance}}",
            ),
        ),
    ),
    Row(
        "Guesses, extracts and jobs",
        (
            Panel(
                "Wrong card numbers or birth dates",
                "short",
                "sum(increase(frikort_gateway_wrong_attempts_total[1h]))",
                "wrong",
            ),
            Panel("Attempts refused", "short", "sum(increase(frikort_gateway_stopped_attempts_total[1h]))", "refused"),
            Panel(
                "Alarms about guesses",
                "short",
                "sum by (kind) (increase(frikort_gateway_guess_alarms_total[1h]))",
                "{{kind}}",
            ),
            Panel(
                "Extracts completed",
                "short",
                "sum by (kind) (increase(frikort_extracts_made_total[1d]))",
                "{{kind}}",
            ),
            Panel("Cards with a year without a current statement", "short", "max(frikort_statements_pending)", "cards"),
            Panel(
                "Years of cards that differ between the services",
                "short",
                "max(frikort_reconciliation_differences)",
                "differ",
            ),
            Panel(
                "Years of cards that a reconciliation could not decide",
                "short",
                "max(frikort_reconciliation_undecided)",
                "undecided",
            ),
            Panel(
                "Deleted by the last run of the retention job",
                "short",
                "max by (kind) (frikort_retention_expired)",
                "{{kind}}",
            ),
            Panel(
                "Unusual look-ups in 24 hours",
                "short",
                "max by (rule) (frikort_unusual_accesses)",
                "{{rule}}",
            ),
            Panel(
                "Documents of jobs that are left",
                "short",
                "max by (kind) (frikort_job_documents) - max by (kind) (frikort_job_documents_done)",
                "{{kind}}",
            ),
        ),
    ),
)


def dashboard() -> dict[str, Any]:
    """The dashboard as Grafana imports it."""
    panels: list[dict[str, Any]] = []
    y = 0
    for row in ROWS:
        panels.append(
            _base(len(panels), row.title, 0, y, _COLUMNS, 1) | {"type": "row", "collapsed": False, "panels": []}
        )
        y += 1
        for index, panel in enumerate(row.panels):
            x = index * _PANEL_WIDTH % _COLUMNS
            panels.append(_base(len(panels), panel.title, x, y, _PANEL_WIDTH, _PANEL_HEIGHT) | _graph(panel))
            if x + _PANEL_WIDTH == _COLUMNS or panel is row.panels[-1]:
                y += _PANEL_HEIGHT
    return {
        "uid": "frikort",
        "title": "Frikort",
        "tags": ["frikort"],
        "schemaVersion": 39,
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "templating": {
            "list": [{"name": "datasource", "type": "datasource", "query": "prometheus", "label": "Prometheus"}]
        },
        "panels": panels,
    }


def text() -> str:
    """The content of ``dashboard.json``."""
    return json.dumps(dashboard(), indent=2, ensure_ascii=False) + "\n"


def _base(number: int, title: str, x: int, y: int, width: int, height: int) -> dict[str, Any]:
    return {"id": number + 1, "title": title, "gridPos": {"x": x, "y": y, "w": width, "h": height}}


def _graph(panel: Panel) -> dict[str, Any]:
    source = {"type": "prometheus", "uid": "${datasource}"}
    return {
        "type": "timeseries",
        "datasource": source,
        "fieldConfig": {"defaults": {"unit": panel.unit, "min": 0}, "overrides": []},
        "options": {"legend": {"displayMode": "list", "placement": "bottom"}, "tooltip": {"mode": "multi"}},
        "targets": [{"refId": "A", "datasource": source, "expr": panel.query, "legendFormat": panel.legend}],
    }


if __name__ == "__main__":
    FILE.write_text(text(), encoding="utf-8")
