"""The rules and the dashboard use metrics and labels that exist, and each alert is tested and explained."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from deploy.local import system
from deploy.local.config import REPOSITORY, default_cache
from deploy.observability import dashboard
from tests.operations.metric_table import LABELS, metrics

RULES: Final = REPOSITORY / "deploy" / "observability" / "alerts.yml"
TESTS: Final = RULES.with_name("alerts_test.yml")
PAGE: Final = (REPOSITORY / "docs" / "operations.md").read_text(encoding="utf-8")

_NAME: Final = re.compile(r"\b(?:frikort|process)_\w+|\bfrikort:[\w:]+")
_MATCHERS: Final = re.compile(r"\{([^}]*)\}")
_MATCHER: Final = re.compile(r"(\w+)\s*(?:=~|!~|!=|=)")
_BY: Final = re.compile(r"\b(?:by|on) \(([^)]*)\)")
_OF_PROMETHEUS: Final = {"le", "instance"}


def rules() -> Iterator[dict[str, Any]]:
    for group in yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"]:
        yield from group["rules"]


def alerts() -> dict[str, dict[str, Any]]:
    return {rule["alert"]: rule for rule in rules() if "alert" in rule}


def queries() -> list[str]:
    """Every query of the rules and of the dashboard."""
    return [rule["expr"] for rule in rules()] + [panel.query for row in dashboard.ROWS for panel in row.panels]


def known_series() -> set[str]:
    """The names of all series: those that the processes serve, and those that the rules record."""
    return set(LABELS) | {rule["record"] for rule in rules() if "record" in rule}


@pytest.mark.parametrize("query", queries())
def test_a_query_names_metrics_and_labels_that_exist(query: str) -> None:
    names = set(_NAME.findall(query))
    assert names
    assert names <= known_series()
    labels = {label for names in _BY.findall(query) for label in re.split(r",\s*", names)}
    labels |= {label for matchers in _MATCHERS.findall(query) for label in _MATCHER.findall(matchers)}
    of_metrics = {label for name in names for label in LABELS.get(name, ("service",))}
    assert labels <= of_metrics | _OF_PROMETHEUS


def test_every_metric_is_shown_or_alerts() -> None:
    used = {name for query in queries() for name in _NAME.findall(query)}
    unused = {metric.name for metric in metrics() if not used & set(metric.series)}
    assert unused == set()


@pytest.mark.parametrize(("name", "rule"), alerts().items())
def test_an_alert_is_explained_tested_and_leads_to_its_explanation(name: str, rule: dict[str, Any]) -> None:
    (row,) = re.findall(rf"^\| `{name}` \|.*\|$", PAGE, re.MULTILINE)
    assert row.count("|") == 4, "meaning and action"
    assert rule["labels"]["severity"] in {"page", "ticket"}
    assert rule["annotations"]["runbook"] == "docs/operations.md#alerts"
    assert "\n## Alerts\n" in PAGE
    raised = [
        case["alertname"]
        for test in yaml.safe_load(TESTS.read_text(encoding="utf-8"))["tests"]
        for case in test["alert_rule_test"]
        if case["exp_alerts"]
    ]
    assert name in raised


def test_every_process_that_is_missing_alerts() -> None:
    expected = {re.sub(r"^(projections|payroll)$", r"gateway-\1", service.name) for service in system.SERVICES}
    assert set(re.findall(r'service="([\w-]+)"', alerts()["FrikortProcessMissing"]["expr"])) == expected


def test_the_dashboard_is_current() -> None:
    assert dashboard.FILE.read_text(encoding="utf-8") == dashboard.text(), (
        "run python -m deploy.observability.dashboard"
    )
    panels = json.loads(dashboard.text())["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    places = [(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in panels]
    assert len(set(places)) == len(places)


@pytest.mark.verify
@pytest.mark.parametrize("arguments", [("check", "rules", RULES), ("test", "rules", TESTS)], ids=["check", "test"])
def test_the_rules_pass_the_tests_of_promtool(arguments: tuple[Any, ...], promtool: Path) -> None:
    done = subprocess.run([promtool, *arguments], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="session")
def promtool() -> Path:
    """promtool: installed, or unpacked from Debian's package `prometheus`, which needs no right of an administrator."""
    if (installed := shutil.which("promtool")) is not None:
        return Path(installed)
    directory = default_cache() / "prometheus"
    found = directory / "usr" / "bin" / "promtool"
    if not found.exists():
        if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
            pytest.skip("promtool is not installed, and there is no apt-get: the tests of the alert rules are skipped")
        directory.mkdir(parents=True, exist_ok=True)
        fetched = subprocess.run(["apt-get", "download", "prometheus"], cwd=directory, check=False, capture_output=True)
        packages = sorted(directory.glob("prometheus_*.deb"))
        if fetched.returncode != 0 or not packages:
            pytest.skip("Debian's package prometheus cannot be had: the tests of the alert rules are skipped")
        subprocess.run(["dpkg-deb", "--extract", packages[-1], directory], check=True)
    return found
