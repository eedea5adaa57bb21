"""Topics, users, brokers, replica set and scaling of the chart follow from the tables in code."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import yaml
from frikort_contracts.access import MIRROR, PRINCIPALS, PROVISIONER, Operation, Resource, Right, rights
from frikort_contracts.topics import PARTITIONS, TOPICS

from deploy import generate_chart
from deploy.local.config import REPOSITORY
from deploy.local.containers import KAFKA_IMAGE, MONGODB_IMAGE
from deploy.observability import dashboard
from services.runtime.kafka.topics import names_of
from services.runtime.safety_checks import MOST_DEAD_LETTER_BYTES, check_topic
from tests.deploy.helm.chart import SIZES, merged, of_kind, render, resources, values_of_size, workloads

CAPACITY = REPOSITORY / "docs" / "capacity.md"
_OPERATIONS = {"Read": Operation.READ, "Write": Operation.WRITE, "Describe": Operation.DESCRIBE}
_OPERATIONS |= {"DescribeConfigs": Operation.DESCRIBE_CONFIGS}


@pytest.fixture(params=SIZES)
def size(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_the_tables_of_the_chart_are_those_of_the_code() -> None:
    assert generate_chart.main(["--check"]) == 0


def test_a_changed_table_is_found_and_written_again(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(generate_chart, "TABLES", tmp_path / "tables.yaml")
    assert generate_chart.main([]) == 0
    for name in ("tables.yaml", "alerts.yml", "dashboard.json"):
        changed = tmp_path / name
        changed.write_text(changed.read_text().replace("6", "7", 1))
        assert generate_chart.main(["--check"]) == 1
        assert generate_chart.main([]) == 0
        assert generate_chart.main(["--check"]) == 0


def test_topics_are_those_of_the_topic_table_and_lose_no_records(size: str) -> None:
    found, table = of_kind(size, "KafkaTopic"), names_of(TOPICS)
    assert found.keys() == table.keys()
    for name, topic in table.items():
        spec = found[name]["spec"]
        replication = int(_setting(size, "topics", "FRIKORT_TOPIC_REPLICATION"))
        replicas = [spec["replicas"]] * spec["partitions"]
        check_topic(name, topic, replication=replication, replicas=replicas, config=spec["config"])


def test_users_of_kafka_have_the_rights_of_the_table(size: str) -> None:
    users = of_kind(size, "KafkaUser")
    assert users.keys() == set(PRINCIPALS)
    assert {right for name, user in users.items() for right in _rights(name, user)} == rights()
    assert all(user["spec"]["authentication"] == {"type": "scram-sha-512"} for user in users.values())


def test_the_provisioner_is_the_one_super_user(size: str) -> None:
    authorization = of_kind(size, "Kafka")["kafka"]["spec"]["kafka"]["authorization"]
    assert authorization == {"type": "simple", "superUsers": [PROVISIONER]}
    assert [name for name, user in of_kind(size, "KafkaUser").items() if "authorization" not in user["spec"]] == [
        PROVISIONER
    ]


def test_brokers_admit_known_users_over_tls_alone(size: str) -> None:
    spec = of_kind(size, "Kafka")["kafka"]["spec"]["kafka"]
    (listener,) = spec["listeners"]
    assert listener["tls"]
    assert listener["authentication"] == {"type": "scram-sha-512"}
    assert spec["config"]["auto.create.topics.enable"] is False
    assert _setting(size, "balance", "FRIKORT_KAFKA").endswith(f":{listener['port']}")


def test_there_is_a_broker_for_every_replica(size: str) -> None:
    (pool,) = of_kind(size, "KafkaNodePool").values()
    config = of_kind(size, "Kafka")["kafka"]["spec"]["kafka"]["config"]
    assert (
        pool["spec"]["replicas"] >= config["default.replication.factor"] == config["offsets.topic.replication.factor"]
    )
    assert config["min.insync.replicas"] == max(1, config["default.replication.factor"] - 1)


@pytest.mark.parametrize("kind", ["KafkaNodePool", "KafkaTopic", "KafkaUser"])
def test_resources_of_kafka_belong_to_the_cluster(size: str, kind: str) -> None:
    (cluster,) = of_kind(size, "Kafka")
    assert {one["metadata"]["labels"]["strimzi.io/cluster"] for one in of_kind(size, kind).values()} == {cluster}


def test_a_country_copies_every_topic_to_a_second_site_as_a_user_that_only_reads() -> None:
    spec = of_kind("country", "KafkaMirrorMaker2")["mirror"]["spec"]
    (mirror,) = spec["mirrors"]
    assert mirror.keys() == {"source", "sourceConnector", "topicsPattern"}, "positions of groups are not copied"
    assert all(re.fullmatch(mirror["topicsPattern"], name) for name in of_kind("country", "KafkaTopic"))
    source, target, config = mirror["source"], spec["target"], mirror["sourceConnector"]["config"]
    assert source["bootstrapServers"] == _setting("country", "balance", "FRIKORT_KAFKA")
    assert source["authentication"] == {
        "type": "scram-sha-512", "username": MIRROR, "passwordSecret": {"secretName": MIRROR, "password": "password"}
    }  # fmt: skip
    granted = _rights(MIRROR, of_kind("country", "KafkaUser")[MIRROR])
    assert {right.operation for right in granted} == {Operation.READ, Operation.DESCRIBE_CONFIGS}
    assert config["replication.policy.class"].endswith(".IdentityReplicationPolicy"), "topics keep their names"
    assert config["offset-syncs.topic.location"] == "target", "nothing is written to the source"
    assert config["producer.override.compression.type"] == "zstd"
    assert config["producer.override.max.request.size"] >= MOST_DEAD_LETTER_BYTES
    assert target["bootstrapServers"] == "kafka.second.example.dk:9094"
    assert target["tls"]["trustedCertificates"]
    assert target["authentication"]["type"] == "scram-sha-512"
    assert spec["version"] == of_kind("country", "Kafka")["kafka"]["spec"]["kafka"]["version"]


@pytest.mark.parametrize("size", ["one-machine", "region"])
def test_other_sizes_have_no_second_site_unless_it_is_asked_for(size: str) -> None:
    assert of_kind(size, "KafkaMirrorMaker2") == {}
    asked = render(merged(values_of_size(size), {"mirror": {"enabled": True}}))
    assert [one["metadata"]["name"] for one in asked if one["kind"] == "KafkaMirrorMaker2"] == ["mirror"]


@pytest.mark.parametrize("kind", ["Kafka", "KafkaNodePool", "KafkaTopic", "MongoDBCommunity"])
def test_what_holds_records_is_kept_when_the_release_is_removed(size: str, kind: str) -> None:
    assert of_kind(size, kind)
    for one in of_kind(size, kind).values():
        assert one["metadata"]["annotations"] == {"helm.sh/resource-policy": "keep"}


def test_the_replica_set_has_an_odd_number_of_members_that_require_tls_and_users(size: str) -> None:
    spec = of_kind(size, "MongoDBCommunity")["mongodb"]["spec"]
    assert spec["members"] % 2 == 1
    assert "arbiters" not in spec
    assert spec["security"]["authentication"] == {"modes": ["SCRAM"]}
    assert spec["security"]["tls"]["enabled"]
    assert not spec["security"]["tls"].get("optional")
    assert [user["name"] for user in spec["users"]] == ["provisioner"]


def test_the_oplog_of_a_country_has_two_of_the_busiest_days() -> None:
    found = {size: of_kind(size, "MongoDBCommunity")["mongodb"]["spec"]["additionalMongodConfig"] for size in SIZES}
    sizes = {size: config.get("replication.oplogSizeMB") for size, config in found.items()}
    assert sizes == {"one-machine": None, "region": None, "country": 10_000}
    assert sizes["country"] >= 2 * 1000 * _gigabytes("oplog of the busiest day", reports_a_year="10⁷")


def _gigabytes(row: str, reports_a_year: str) -> float:
    """A cell of the capacity page's table."""
    text = CAPACITY.read_text()
    (heading,) = re.findall(r"^\| reports a year \|.*$", text, re.MULTILINE)
    (cells,) = re.findall(rf"^\| {row} \|.*$", text, re.MULTILINE)
    figure, unit = cells.split(" | ")[heading.split(" | ").index(reports_a_year)].split()
    assert unit == "GB"
    return float(figure)


def test_processes_connect_to_every_member_of_the_replica_set(size: str) -> None:
    members = of_kind(size, "MongoDBCommunity")["mongodb"]["spec"]["members"]
    hosts = ",".join(f"mongodb-{number}.mongodb-svc.frikort.svc.cluster.local:27017" for number in range(members))
    for workload in workloads(size).values():
        assert workload.environment.get("FRIKORT_MONGODB") in (None, f"mongodb://{hosts}/?replicaSet=mongodb")


def test_engines_have_the_versions_of_compose(size: str) -> None:
    kafka = of_kind(size, "Kafka")["kafka"]["spec"]["kafka"]
    assert KAFKA_IMAGE.endswith(f":{kafka['version']}")
    assert kafka["metadataVersion"].startswith(".".join(kafka["version"].split(".")[:2]))
    version = of_kind(size, "MongoDBCommunity")["mongodb"]["spec"]["version"]
    assert version == MONGODB_IMAGE.partition(":")[2]


@pytest.mark.parametrize("size", ["region", "country"])
def test_every_consumer_is_scaled_by_the_lag_of_each_of_its_topics(size: str) -> None:
    scaled, consumers = of_kind(size, "ScaledObject"), generate_chart.tables()["consumers"]
    assert scaled.keys() == consumers.keys()
    for name, one in scaled.items():
        triggers = [trigger["metadata"] for trigger in one["spec"]["triggers"]]
        assert [trigger["topic"] for trigger in triggers] == consumers[name]["topics"]
        assert {trigger["consumerGroup"] for trigger in triggers} == {consumers[name]["group"]}
        assert {trigger["bootstrapServers"] for trigger in triggers} == {_setting(size, name, "FRIKORT_KAFKA")}
        assert all(isinstance(value, str) for trigger in triggers for value in trigger.values())
        assert one["spec"]["scaleTargetRef"] == {"name": name}
        assert 1 < one["spec"]["minReplicaCount"] < one["spec"]["maxReplicaCount"] <= PARTITIONS
        assert "replicas" not in of_kind(size, "Deployment")[name]["spec"]


@pytest.mark.parametrize("size", ["region", "country"])
def test_scaling_logs_in_as_the_process_that_it_scales(size: str) -> None:
    for name, one in of_kind(size, "ScaledObject").items():
        assert {trigger["authenticationRef"]["name"] for trigger in one["spec"]["triggers"]} == {name}
        login = of_kind(size, "TriggerAuthentication")[name]["spec"]
        assert login["env"] == [{"parameter": "username", "name": "FRIKORT_KAFKA_USER", "containerName": name}]
        passwords = {reference["parameter"]: reference["name"] for reference in login["secretTargetRef"]}
        assert passwords == {"password": name, "ca": "kafka-cluster-ca-cert"}


def test_without_keda_every_process_has_a_fixed_number_of_instances() -> None:
    assert not [one for one in resources("one-machine") if one["apiVersion"].startswith("keda.sh/")]
    assert {one["spec"]["replicas"] for one in of_kind("one-machine", "Deployment").values()} == {1}


def test_prometheus_reads_the_port_of_health_of_every_process(size: str) -> None:
    (monitor,) = of_kind(size, "PodMonitor").values()
    (endpoint,) = monitor["spec"]["podMetricsEndpoints"]
    assert (endpoint["port"], endpoint["path"]) == ("health", "/metrics")
    selector = monitor["spec"]["selector"]["matchLabels"].items()
    assert all(selector <= workload.labels.items() for workload in workloads(size).values())


def test_prometheus_gets_the_alert_rules_that_are_tested(size: str) -> None:
    (rule,) = of_kind(size, "PrometheusRule").values()
    assert rule["spec"] == yaml.safe_load(generate_chart.RULES.read_text())
    assert "{{ $labels.service }}" in str(rule), "Helm leaves the templates of Prometheus alone"


def test_grafana_gets_the_dashboard(size: str) -> None:
    found = of_kind(size, "ConfigMap")["dashboard"]
    assert json.loads(found["data"]["frikort.json"]) == dashboard.dashboard()
    assert found["metadata"]["labels"]["grafana_dashboard"] == "1"


def test_a_cluster_without_prometheus_or_grafana_gets_nothing_for_them() -> None:
    off = {"podMonitor": False, "alertRules": False, "dashboard": False}
    kinds = [(one["kind"], one["metadata"]["name"]) for one in render(merged(values_of_size("country"), off))]
    assert not {kind for kind, _ in kinds} & {"PodMonitor", "PrometheusRule"}
    assert ("ConfigMap", "dashboard") not in kinds


def _setting(size: str, name: str, setting: str) -> str:
    return str(workloads(size)[name].environment[setting])


def _rights(principal: str, user: dict[str, Any]) -> set[Right]:
    """The rights that Strimzi's operator grants to a user."""
    entries = user["spec"].get("authorization", {"acls": []})["acls"]
    assert all(entry["host"] == "*" for entry in entries)
    return {
        Right(
            principal,
            _OPERATIONS[operation],
            Resource(entry["resource"]["type"]),
            entry["resource"]["name"],
            is_prefix=entry["resource"]["patternType"] == "prefix",
        )
        for entry in entries
        for operation in entry["operations"]
    }
