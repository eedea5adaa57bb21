"""docs/kubernetes.md is current: its commands render, its values exist, and all of it passes lint and the schemas."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, Final

import helm_python
import kubernetes_validate
import pytest

from deploy.generate_chart import CHART
from tests.deploy.helm.chart import (
    PAGE,
    SIZES,
    commands,
    merged,
    of_kind,
    render,
    resources,
    values_of_command,
    values_of_size,
    workloads,
)

VERSIONS: Final = ("1.31", "1.37")
WARNING: Final = 2
_REFERENCES: Final = (
    "secret",
    "secretKeyRef",
    "passwordSecretRef",
    "certificateKeySecretRef",
    "caCertificateSecretRef",
)


@pytest.mark.parametrize("size", SIZES)
def test_the_chart_has_no_findings_of_lint(size: str) -> None:
    report = helm_python.lint(CHART, values_of_size(size), strict=True)
    assert report["errors"] == []
    assert [message for message in report["messages"] if message["severity"] >= WARNING] == []


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("version", VERSIONS)
def test_resources_of_kubernetes_keep_its_schemas(size: str, version: str) -> None:
    for one in resources(size):
        if _is_of_kubernetes(one):
            kubernetes_validate.validate(one, version, strict=True)


def test_the_schemas_refuse_an_unknown_field() -> None:
    wrong = {**of_kind("country", "Deployment")["balance"]}
    wrong["spec"] = {**wrong["spec"], "replica": 1}
    with pytest.raises(kubernetes_validate.ValidationError, match="replica"):
        kubernetes_validate.validate(wrong, VERSIONS[0], strict=True)


def test_the_page_lists_the_kinds_that_have_no_schema() -> None:
    kinds = {one["kind"] for size in SIZES for one in resources(size) if not _is_of_kubernetes(one)}
    part = PAGE.read_text().partition("## What is not validated")[2].partition("On 2026")[0]
    assert set(re.findall(r"`([A-Z]\w+)`", part)) == kinds


@pytest.mark.parametrize(
    "mistake",
    [
        {"adresses": {}},
        {"processes": {"gatway": {"tag": "0.2.0"}}},
        {"processes": {"gateway": {"replica": 2}}},
        {"scaling": {"lagThreshold": "many"}},
        {"kafka": {"replication": 0}},
    ],
    ids=str,
)
def test_a_misspelled_or_wrong_value_is_refused(mistake: dict[str, Any]) -> None:
    with pytest.raises(helm_python.HelmValuesError):
        render(merged(values_of_size("country"), mistake))


@pytest.mark.parametrize("words", commands(), ids=" ".join)
def test_a_command_of_the_page_renders_the_chart(words: list[str]) -> None:
    assert words[2:4] == ["frikort", "deploy/helm/frikort"]
    found = render(values_of_command(words), is_upgrade=words[1] == "upgrade")
    assert {one["metadata"]["name"] for one in found if one["kind"] == "Deployment"} == workloads(
        "country", "Deployment"
    ).keys()


def test_an_upgrade_reaches_the_projections_second_and_the_gateway_last() -> None:
    steps = [words for words in commands() if "image.tag=0.3.0" in words]
    old = [_on_the_release(values_of_command(words), "0.2.0") for words in steps]
    assert old == [{"projections", "payroll", "gateway", "portals"}, {"payroll", "gateway", "portals"}, set()]


def test_the_page_explains_every_value() -> None:
    rows = re.findall(r"^\| (.*?) \| ", PAGE.read_text().partition("## Values")[2].partition("\n## ")[0], re.MULTILINE)
    explained = {path for row in rows for path in _paths_of(row)}
    assert explained == set(_values())


def test_every_secret_that_the_chart_refers_to_is_on_the_page() -> None:
    table = PAGE.read_text().partition("| secret | key |")[2].partition("\n\n")[0]
    described = set(re.findall(r"`([a-z-]+)`", table))
    made_by_strimzi = {"kafka-cluster-ca-cert", *of_kind("country", "KafkaUser")}
    for name in set(_secrets(resources("country"))) - made_by_strimzi:
        assert name in described or name.startswith("mongodb-"), name


def _is_of_kubernetes(resource: dict[str, Any]) -> bool:
    group, _, _ = resource["apiVersion"].rpartition("/")
    return "." not in group or group.endswith(".k8s.io")


def _on_the_release(values: dict[str, Any], tag: str) -> set[str]:
    found = (one for one in render(values, is_upgrade=True) if one["kind"] == "Deployment")
    images = {one["metadata"]["name"]: one["spec"]["template"]["spec"]["containers"][0]["image"] for one in found}
    return {name for name, image in images.items() if image.endswith(f":{tag}")}


def _values() -> Iterator[str]:
    """The values that the chart accepts, as the page writes them."""
    schema = json.loads((CHART / "values.schema.json").read_text())
    for name, value in schema["properties"].items():
        if name == "processes":
            yield from (f"processes.<name>.{field}" for field in schema["$defs"]["process"]["properties"])
        elif "properties" in value:
            yield from (f"{name}.{part}" for part in value["properties"])
        elif name != "global":  # a name that Helm itself sets
            yield name


def _paths_of(row: str) -> Iterator[str]:
    """The values that a row of the page explains; names after `processes.<name>` are its fields."""
    names = re.findall(r"`([^`]+)`", row)
    if names[:1] == ["processes.<name>"]:
        names = [f"processes.<name>.{name}" for name in names[1:]]
    yield from names


def _secrets(node: Any) -> Iterator[str]:
    """The names of the secrets that a resource, or a part of one, refers to."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "secretName":
                yield value
            elif key in _REFERENCES and "name" in value:
                yield value["name"]
            else:
                yield from _secrets(value)
    elif isinstance(node, (list, tuple)):
        for part in node:
            yield from _secrets(part)


def test_references_to_secrets_are_found() -> None:
    container = {"env": [{"valueFrom": {"secretKeyRef": {"name": "a", "key": "value"}}}]}
    volumes = [{"secret": {"secretName": "b"}}, {"projected": {"sources": [{"secret": {"name": "c"}}]}}]
    assert list(_secrets({"spec": {"containers": (container,), "volumes": volumes}})) == ["a", "b", "c"]
