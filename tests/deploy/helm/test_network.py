"""Who may connect to whom in the chart: what docs/architecture.md draws, and nothing else."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

import pytest
from frikort_contracts.access import BACKUP, MIRROR, OPERATOR
from helm_python import HelmRenderError

from deploy.local.config import REPOSITORY
from tests.deploy.helm.chart import SIZES, installation, merged, of_kind, render, values_of_size, workloads

PUBLIC: Final = ("gateway", "portals")
OF_OPERATORS: Final = (OPERATOR, BACKUP)
PROVIDER: Final = "192.0.2.0/24"
BUCKET: Final = "198.51.100.0/24"
NAMESPACES: Final = {
    "ingress-nginx": "ingress controller",
    "monitoring": "Prometheus",
    "keda": "KEDA",
    "kube-system": "DNS",
}
SECOND_SITE: Final = "203.0.113.0/24"
ENGINES: Final = {
    ("app", "mongodb-svc"): "MongoDB",
    ("strimzi.io/cluster", "kafka"): "Kafka",
    ("strimzi.io/cluster", "mirror"): "itself",
}


_MIRROR: Final = (("DNS", 53), ("Kafka", 9093), ("itself", 8083), ("brokers of the second site", 9094))


class Connection(NamedTuple):
    """A connection that a policy allows at one of its ends."""

    source: str
    target: str
    port: int


@pytest.fixture(params=SIZES)
def size(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_processes_connect_to_what_the_architecture_draws_and_to_nothing_else(size: str) -> None:
    expected = {Connection(name, "DNS", 53) for name in workloads(size)}
    expected |= {Connection(name, "Kafka", 9093) for name in (*_on_kafka(), "topics", *OF_OPERATORS)}
    expected |= {Connection(name, "MongoDB", 27017) for name in (*_processes(), "users", *OF_OPERATORS)}
    expected |= {Connection(name, "OpenID provider", 443) for name in PUBLIC}
    expected |= {Connection(name, "S3 bucket", 443) for name in ("exports", "gateway")}
    expected |= {Connection("portals", "ingress controller", 443)}
    if size == "country":
        expected |= {Connection(MIRROR, *end) for end in _MIRROR}
    assert {out for policy in _policies(size).values() for out in _outgoing(policy)} == expected


def test_processes_are_reached_by_the_ingress_controller_and_by_prometheus_alone(size: str) -> None:
    expected = {Connection("Prometheus", name, 8081) for name in _processes()}
    expected |= {Connection("ingress controller", name, 8080) for name in PUBLIC}
    assert {coming for policy in _policies(size).values() for coming in _incoming(policy)} == expected


def test_every_pod_has_one_policy_for_both_directions(size: str) -> None:
    policies = _policies(size)
    assert policies.keys() - {MIRROR} == workloads(size).keys()
    for name, workload in workloads(size).items():
        selected = [other for other, policy in policies.items() if _selects(policy, workload.labels)]
        assert selected == [name]
        assert policies[name]["spec"]["policyTypes"] == ["Ingress", "Egress"]


def test_no_rule_of_a_process_is_open_to_all(size: str) -> None:
    for policy in _policies(size).values():
        for direction, peers in (("ingress", "from"), ("egress", "to")):
            for rule in policy["spec"].get(direction, []):
                assert rule[peers]
                assert rule["ports"]


def test_mongodb_is_reached_by_its_clients_and_its_members_alone(size: str) -> None:
    (rule,) = of_kind(size, "NetworkPolicy")["mongodb"]["spec"]["ingress"]
    peers = [peer["podSelector"]["matchLabels"] for peer in rule["from"]]
    assert peers == [{"app": "mongodb-svc"}, {"mongodb-client": "true"}]
    assert _with_label(size, "mongodb-client") == {*_processes(), "users", *OF_OPERATORS}


def test_kafka_is_reached_by_its_clients_and_keda_alone(size: str) -> None:
    (listener,) = of_kind(size, "Kafka")["kafka"]["spec"]["kafka"]["listeners"]
    clients, keda = listener["networkPolicyPeers"]
    assert clients == {"podSelector": {"matchLabels": {"kafka-client": "true"}}}
    assert _peer(keda) == "KEDA"
    assert _with_label(size, "kafka-client") == {*_on_kafka(), "topics", *OF_OPERATORS}
    for mirror in of_kind(size, "KafkaMirrorMaker2").values():
        assert mirror["spec"]["template"]["pod"]["metadata"]["labels"] == {"kafka-client": "true"}


def test_the_ingress_serves_the_portals_and_the_api_alone(size: str) -> None:
    (ingress,) = of_kind(size, "Ingress").values()
    served = {
        (rule["host"], path["path"], path["backend"]["service"]["name"], path["backend"]["service"]["port"]["name"])
        for rule in ingress["spec"]["rules"]
        for path in rule["http"]["paths"]
    }
    assert served == {
        ("frikort.example.dk", "/", "portals", "http"),
        ("api.frikort.example.dk", "/v1", "gateway", "http"),
    }
    (tls,) = ingress["spec"]["tls"]
    assert set(tls["hosts"]) == {host for host, *_ in served}


def test_health_and_metrics_have_no_service(size: str) -> None:
    services = of_kind(size, "Service")
    assert services.keys() == set(PUBLIC)
    for name, service in services.items():
        assert [port["targetPort"] for port in service["spec"]["ports"]] == ["http"]
        assert service["spec"].get("type", "ClusterIP") == "ClusterIP"
        labels = workloads(size)[name].labels
        assert service["spec"]["selector"].items() <= labels.items()


def test_the_table_of_the_page_has_every_connection() -> None:
    page = (REPOSITORY / "docs" / "kubernetes.md").read_text()
    rows = re.findall(r"^\| ([^|]+) \| ([^|]+) \|$", page.partition("## Who may connect")[2].partition("## ")[0], re.M)
    described = {source.strip(): target for source, target in rows}
    for policy in _policies("country").values():
        for source, target, _ in (*_outgoing(policy), *_incoming(policy)):
            row = next((text for names, text in described.items() if re.search(rf"\b{source}\b", names)), "")
            both = row + described["every process and job"] + described.get(source, "")
            assert target in both or (source == "Prometheus" and "every process" in row), (source, target)


def test_the_api_is_reached_at_a_load_balancer_if_its_network_is_given() -> None:
    network = {"ingressController": {"addresses": ["198.51.100.7/32"]}}
    found = render(merged(values_of_size("region"), {"network": network}))
    (portals,) = (one for one in found if one["kind"] == "NetworkPolicy" and one["metadata"]["name"] == "portals")
    addresses = {"to": [{"ipBlock": {"cidr": "198.51.100.7/32"}}], "ports": [{"port": 443}]}
    assert addresses in portals["spec"]["egress"]


def test_processes_reach_a_collector_of_spans_if_its_address_is_given() -> None:
    traces = {"traces": {"url": "http://collector.tracing.svc:4318/v1/traces", "namespace": "tracing"}}
    found = render(merged(values_of_size("region"), traces))
    policies = {one["metadata"]["name"]: one for one in found if one["kind"] == "NetworkPolicy"}
    rule = {
        "to": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "tracing"}}}],
        "ports": [{"port": 4318}],
    }
    assert {name for name, one in policies.items() if rule in one["spec"].get("egress", ())} == _processes()


@pytest.mark.parametrize(
    "missing",
    [
        {"network": {"provider": []}},
        {"network": {"bucket": []}},
        {"extractFiles": {"address": ""}},
        {"image": {"repository": ""}},
        {"mirror": {"bootstrapServers": ""}},
        {"mirror": {"networks": []}},
        {"trustedProxies": ""},
        *({"addresses": {name: ""}} for name in installation()["addresses"]),
    ],
    ids=str,
)
def test_a_value_that_every_installation_needs_is_not_forgotten(missing: dict[str, Any]) -> None:
    with pytest.raises(
        HelmRenderError,
        match=r"network\.(provider|bucket)|mirror\.|extractFiles|image\.repository|trustedProxies|addresses\.",
    ):
        render(merged(values_of_size("country"), missing))


def _architecture() -> dict[str, tuple[str, str]]:
    """What each process consumes and publishes, by the table of the architecture page."""
    page = (REPOSITORY / "docs" / "architecture.md").read_text()
    rows = re.findall(r"^\| ([\w ]+) \| `python -m [\w.]+` \| ([^|]+) \| [^|]+ \| ([^|]+) \|$", page, re.MULTILINE)
    names = {"gateway API": "gateway", "gateway projections": "projections", "gateway payroll worker": "payroll"}
    return {names.get(name, name): (consumes, publishes.strip()) for name, consumes, publishes in rows}


def _processes() -> set[str]:
    return set(_architecture())


def _on_kafka() -> set[str]:
    """The processes that consume or publish."""
    return {
        name
        for name, (consumes, publishes) in _architecture().items()
        if not (consumes.startswith("nothing") and publishes == "nothing")
    }


def _policies(size: str) -> dict[str, dict[str, Any]]:
    """The policies of processes and commands."""
    found = of_kind(size, "NetworkPolicy")
    return {name: policy for name, policy in found.items() if name != "mongodb"}


def _outgoing(policy: Mapping[str, Any]) -> Iterator[Connection]:
    for rule in policy["spec"]["egress"]:
        for peer in rule["to"]:
            yield from (Connection(policy["metadata"]["name"], _peer(peer), one["port"]) for one in rule["ports"])


def _incoming(policy: Mapping[str, Any]) -> Iterator[Connection]:
    for rule in policy["spec"].get("ingress", []):
        for peer in rule["from"]:
            yield from (Connection(_peer(peer), policy["metadata"]["name"], one["port"]) for one in rule["ports"])


def _peer(peer: Mapping[str, Any]) -> str:
    """The name of the one that a rule allows."""
    ((kind, selector),) = peer.items()
    if kind == "ipBlock":
        return {PROVIDER: "OpenID provider", BUCKET: "S3 bucket", SECOND_SITE: "brokers of the second site"}[
            selector["cidr"]
        ]
    ((label, value),) = selector["matchLabels"].items()
    if kind == "namespaceSelector":
        assert label == "kubernetes.io/metadata.name"
        return NAMESPACES[value]
    return ENGINES[label, value]


def _selects(policy: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    return bool(policy["spec"]["podSelector"]["matchLabels"].items() <= labels.items())


def _with_label(size: str, label: str) -> set[str]:
    return {name for name, workload in workloads(size).items() if workload.labels[label] == "true"}
