"""The chart's workloads are the processes of docker-compose.yml: settings, probes, stops, rights, requests."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final
from unittest.mock import patch

import pytest
import yaml
from frikort_contracts.access import BACKUP, OPERATOR
from frikort_contracts.authorities import LOCAL, SETTING, to_toml
from pydantic import SecretStr

from deploy.generate_chart import tables
from deploy.local.config import REPOSITORY
from deploy.mongodb.__main__ import ProvisionerSettings
from deploy.mongodb.rights import USERS
from services.runtime.kafka.consumer import group_of
from services.runtime.safety_checks import check_settings
from services.runtime.settings import RuntimeSettings, TopicSettings
from tests.deploy.helm.chart import PAGE, SIZES, of_kind, render, resources, values_of_size, workloads
from tests.deploy.helm.started import environment_of, module_of, start

COMPOSE: Final[dict[str, Any]] = yaml.safe_load((REPOSITORY / "docker-compose.yml").read_text())["services"]
OWN: Final = {name: one for name, one in COMPOSE.items() if one["image"] == "frikort-services"}
COMMANDS: Final = {name: one for name, one in OWN.items() if one["healthcheck"].get("disable")}
PROCESSES: Final = sorted(OWN.keys() - COMMANDS.keys())
IMAGE: Final = dict(re.findall(r"(FRIKORT_\w+)=(\S+)", (REPOSITORY / "deploy" / "Dockerfile").read_text()))
REPORTS_A_SECOND: Final = {"one-machine": 5, "region": 40, "country": 160}
_UNITS: Final = {"m": 0.001, "Mi": 2.0**20, "Gi": 2.0**30, "": 1.0}


@pytest.fixture(params=SIZES)
def size(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_every_process_of_compose_is_a_deployment_with_the_same_command(size: str) -> None:
    found = {name: one.container["command"] for name, one in workloads(size, "Deployment").items()}
    assert found == {name: OWN[name]["command"] for name in PROCESSES}


def test_every_command_of_compose_is_a_job(size: str) -> None:
    found = {name: one.container["command"][:3] for name, one in workloads(size, "Job").items()}
    assert found == {name: one["command"] for name, one in COMMANDS.items()}


@pytest.mark.parametrize("name", PROCESSES)
def test_a_process_accepts_the_settings_of_the_chart(size: str, name: str, tmp_path: Path) -> None:
    settings = start(workloads(size)[name], tmp_path).settings
    check_settings(settings)  # type: ignore[arg-type]  # every process has CommandSettings


@pytest.mark.parametrize("name", PROCESSES)
def test_every_variable_is_a_setting_that_the_process_reads(size: str, name: str, tmp_path: Path) -> None:
    workload = workloads(size)[name]
    known = {f"FRIKORT_{field.upper()}" for field in type(start(workload, tmp_path).settings).model_fields}
    of_the_bucket = {name for name in workload.environment if name.startswith("AWS_")}
    assert workload.environment.keys() - of_the_bucket <= known
    assert bool(of_the_bucket) == ("FRIKORT_EXTRACT_FILES" in workload.environment)


@pytest.mark.parametrize(("name", "kind"), [("topics", TopicSettings), ("users", ProvisionerSettings)])
def test_a_command_accepts_the_settings_of_the_chart(
    size: str,
    name: str,
    kind: type[TopicSettings | ProvisionerSettings],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    environment = environment_of(workloads(size)[name], tmp_path)
    assert environment.keys() <= {f"FRIKORT_{field.upper()}" for field in kind.model_fields}
    for setting, value in environment.items():
        monkeypatch.setenv(setting, value)
    check_settings(kind())


@pytest.mark.parametrize("name", PROCESSES)
def test_a_process_holds_the_same_keys_as_in_compose(size: str, name: str) -> None:
    keys = {setting for setting in workloads(size)[name].environment if "KEY" in setting}
    of_the_bucket = {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"} if name in ("exports", "gateway") else set()
    assert keys == {setting for setting in OWN[name]["environment"] if "KEY" in setting} | of_the_bucket


@pytest.mark.parametrize("name", sorted(OWN))
def test_a_workload_has_the_users_of_kafka_and_mongodb_that_it_has_in_compose(size: str, name: str) -> None:
    users = ("FRIKORT_KAFKA_USER", "FRIKORT_MONGODB_USER")
    found = workloads(size)[name].environment
    assert {user: found.get(user) for user in users} == {user: OWN[name]["environment"].get(user) for user in users}


def test_a_secret_setting_is_a_reference(size: str, tmp_path: Path) -> None:
    for workload in workloads(size, "Deployment").values():
        settings = start(workload, tmp_path).settings
        for field, value in settings:
            if isinstance(value, SecretStr):
                reference = workload.environment[f"FRIKORT_{field.upper()}"]
                assert reference["secretKeyRef"].keys() == {"name", "key"}


def test_no_rendered_resource_holds_a_secret(size: str) -> None:
    assert of_kind(size, "Secret") == {}
    published = (REPOSITORY / ".env.example").read_text()
    text = yaml.safe_dump_all(resources(size))
    assert not [value for value in re.findall(r"^FRIKORT_\w+=(\S+)$", published, re.MULTILINE) if value in text]
    assert not re.search(r"\bk\d*:[A-Za-z0-9+/]{43}=|BEGIN [A-Z ]*PRIVATE|\b[0-9a-f]{64}\b", text)


def test_a_workload_mounts_the_passwords_of_its_own_users_alone(size: str) -> None:
    for workload in workloads(size).values():
        kafka, mongodb = (workload.environment.get(f"FRIKORT_{engine}_USER") for engine in ("KAFKA", "MONGODB"))
        allowed = ({kafka} if kafka else set()) | ({f"mongodb-{mongodb}"} if mongodb else set())
        if workload.name == "users":
            allowed |= {f"mongodb-{user}" for user in USERS}
        mounted = {
            source["secret"]["name"]
            for volume in workload.pod["volumes"]
            for source in volume.get("projected", {}).get("sources", [])
            if any(item["key"] == "password" for item in source["secret"]["items"])
        }
        assert mounted == allowed


def test_a_workload_runs_without_privileges_in_a_read_only_file_system(size: str) -> None:
    for workload in workloads(size).values():
        pod, container = workload.pod["securityContext"], workload.container["securityContext"]
        assert pod["runAsNonRoot"]
        assert pod["runAsUser"] == pod["fsGroup"] == 10001
        assert pod["seccompProfile"] == {"type": "RuntimeDefault"}
        assert container["readOnlyRootFilesystem"]
        assert not container["allowPrivilegeEscalation"]
        assert container["capabilities"] == {"drop": ["ALL"]}
        assert not {"hostNetwork", "hostPID", "hostIPC", "initContainers"} & workload.pod.keys()


def test_a_workload_has_a_service_account_of_its_own_without_a_token(size: str) -> None:
    accounts = of_kind(size, "ServiceAccount")
    assert accounts.keys() == workloads(size).keys()
    for name, workload in workloads(size).items():
        assert workload.pod["serviceAccountName"] == name
        assert accounts[name]["automountServiceAccountToken"] is False
        assert workload.pod["automountServiceAccountToken"] is False


def test_probes_ask_the_port_of_health(size: str) -> None:
    for workload in workloads(size, "Deployment").values():
        ports = {port["name"]: str(port["containerPort"]) for port in workload.container["ports"]}
        assert ports["health"] == IMAGE["FRIKORT_HEALTH_PORT"]
        assert ports.get("http", IMAGE["FRIKORT_PORT"]) == IMAGE["FRIKORT_PORT"]
        asked = {
            probe: workload.container[probe]["httpGet"] for probe in ("startupProbe", "livenessProbe", "readinessProbe")
        }
        assert {get["port"] for get in asked.values()} == {"health"}
        assert asked["readinessProbe"]["path"] == "/health/ready"
        assert asked["startupProbe"]["path"] == asked["livenessProbe"]["path"] == "/health/live"


def test_the_startup_probe_waits_longer_than_the_process_waits_for_its_engines(size: str) -> None:
    for workload in workloads(size, "Deployment").values():
        probe = workload.container["startupProbe"]
        waits = probe["periodSeconds"] * probe["failureThreshold"]
        assert waits > float(workload.environment["FRIKORT_START_TIMEOUT"])


def test_a_pod_ends_by_itself_before_it_is_killed(size: str) -> None:
    for workload in workloads(size, "Deployment").values():
        pause = workload.container.get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
        stop = float(workload.environment["FRIKORT_STOP_TIMEOUT"])
        assert pause + stop < workload.pod["terminationGracePeriodSeconds"]


def test_a_public_process_waits_before_it_closes_its_port(size: str) -> None:
    waiting = {name for name, one in workloads(size, "Deployment").items() if "lifecycle" in one.container}
    assert waiting == {name for name, one in OWN.items() if "ports" in one}


def test_one_instance_at_a_time_may_be_disrupted(size: str) -> None:
    budgets = of_kind(size, "PodDisruptionBudget")
    assert budgets.pop("mongodb")["spec"] == {"maxUnavailable": 1, "selector": {"matchLabels": {"app": "mongodb-svc"}}}
    deployments = of_kind(size, "Deployment")
    assert budgets.keys() == deployments.keys()
    for name, budget in budgets.items():
        assert budget["spec"]["maxUnavailable"] == 1
        assert budget["spec"]["selector"] == deployments[name]["spec"]["selector"]


def test_selectors_find_the_pods_of_their_own_process(size: str) -> None:
    labels = {name: one.labels for name, one in workloads(size).items()}
    for name, deployment in of_kind(size, "Deployment").items():
        selector = deployment["spec"]["selector"]["matchLabels"].items()
        assert [other for other, own in labels.items() if selector <= own.items()] == [name]


def test_instances_are_spread_over_zones_and_nodes(size: str) -> None:
    for workload in workloads(size, "Deployment").values():
        spread = {one["topologyKey"]: one for one in workload.pod["topologySpreadConstraints"]}
        assert spread.keys() == {"topology.kubernetes.io/zone", "kubernetes.io/hostname"}
        assert all(one["labelSelector"]["matchLabels"].items() <= workload.labels.items() for one in spread.values())


def test_requests_are_the_measured_figures(size: str) -> None:
    for workload in workloads(size, "Deployment").values():
        deployment = of_kind(size, "Deployment")[workload.name]
        scaled = of_kind(size, "ScaledObject").get(workload.name)
        instances = deployment["spec"]["replicas"] if scaled is None else scaled["spec"]["minReplicaCount"]
        needed, memory = _measured()[workload.name]
        requests = workload.container["resources"]["requests"]
        assert _quantity(requests["cpu"]) * max(1, instances - 1) >= needed * REPORTS_A_SECOND[size] / 1000
        assert memory <= _quantity(requests["memory"]) <= 2 * memory


def test_every_workload_has_a_limit_of_memory(size: str) -> None:
    for workload in workloads(size).values():
        resources = workload.container["resources"]
        assert _quantity(resources["requests"]["memory"]) < _quantity(resources["limits"]["memory"])


@pytest.mark.parametrize("name", PROCESSES)
def test_a_consumer_group_is_that_of_the_process(name: str, tmp_path: Path) -> None:
    started = start(workloads("country")[name], tmp_path)
    expected = None
    if started.processors:
        topics = sorted({topic.name for processor in started.processors for topic in processor.topics})
        expected = {"group": group_of(started.service, started.processors), "topics": topics}
    assert tables()["consumers"].get(name) == expected


def test_the_allowance_table_is_mounted_where_it_is_read(tmp_path: Path) -> None:
    table = (REPOSITORY / "deploy" / "allowances.toml").read_text()
    found = render(values_of_size("country") | {"allowances": table})
    (configured,) = (one for one in found if one["kind"] == "ConfigMap" and one["metadata"]["name"] == "allowances")
    assert configured["data"] == {"allowances.toml": table}
    for one in found:
        if one["kind"] == "Deployment" and one["metadata"]["name"] != "portals":
            (container,) = one["spec"]["template"]["spec"]["containers"]
            assert {"name": "FRIKORT_ALLOWANCES", "value": "/run/allowances/allowances.toml"} in container["env"]
            assert (
                one["spec"]["template"]["metadata"]["annotations"]
                != of_kind("country", "Deployment")[one["metadata"]["name"]]["spec"]["template"]["metadata"][
                    "annotations"
                ]
            )


def test_processes_and_no_commands_get_the_address_for_spans() -> None:
    found = render(values_of_size("region") | {"traces": {"url": "http://collector:4318/v1/traces", "share": 0.1}})
    for one in found:
        if one["kind"] in ("Deployment", "Job"):
            (container,) = one["spec"]["template"]["spec"]["containers"]
            given = {variable["name"]: variable.get("value") for variable in container["env"]}
            assert (given.get("FRIKORT_TRACES_URL") is not None) == (one["kind"] == "Deployment")
            assert given.get("FRIKORT_TRACES_SHARE") in (None, "0.1")


def test_one_process_can_keep_another_release() -> None:
    values = values_of_size("region")
    values["processes"]["gateway"]["tag"] = "earlier"
    found = [one for one in render(values) if one["kind"] == "Deployment"]
    images = {one["metadata"]["name"]: one["spec"]["template"]["spec"]["containers"][0]["image"] for one in found}
    assert images.pop("gateway") == "registry.example.dk/frikort:earlier"
    assert set(images.values()) == {"registry.example.dk/frikort:0.2.0"}


def test_users_of_mongodb_are_created_before_an_upgrade_changes_a_process() -> None:
    jobs = {one["metadata"]["name"]: one for one in render(values_of_size("region"), revision=2, is_upgrade=True)}
    assert jobs["users-2"]["metadata"]["annotations"]["helm.sh/hook"] == "pre-upgrade"
    assert "annotations" not in jobs["topics-2"]["metadata"]
    assert "annotations" not in of_kind("region", "Job")["users-1"]["metadata"]


def test_the_pods_of_operators_have_their_own_users_and_none_runs_until_it_is_started(
    size: str, tmp_path: Path
) -> None:
    pods = workloads(size, "StatefulSet")
    assert pods.keys() == {OPERATOR, BACKUP}
    for name, workload in pods.items():
        assert of_kind(size, "StatefulSet")[name]["spec"]["replicas"] == 0
        environment = environment_of(workload, tmp_path)
        assert (environment["FRIKORT_KAFKA_USER"], environment["FRIKORT_MONGODB_USER"]) == (name, name)
        with patch.dict("os.environ", environment, clear=True):
            check_settings(RuntimeSettings())
        assert not {setting for setting in environment if "KEY" in setting}


def test_the_pod_of_backups_keeps_them_on_a_volume_that_outlives_it(size: str) -> None:
    sets = of_kind(size, "StatefulSet")
    (volume,) = sets[BACKUP]["spec"]["volumeClaimTemplates"]
    assert volume["spec"]["resources"]["requests"]["storage"]
    assert sets[BACKUP]["spec"]["persistentVolumeClaimRetentionPolicy"] == {
        "whenDeleted": "Retain",
        "whenScaled": "Retain",
    }
    mounts = {mount["name"]: mount for mount in workloads(size)[BACKUP].container["volumeMounts"]}
    assert mounts[volume["metadata"]["name"]] == {"name": "backups", "mountPath": "/backup"}
    assert "volumeClaimTemplates" not in sets[OPERATOR]["spec"]


def test_a_command_that_is_refused_is_not_repeated(size: str) -> None:
    for job in of_kind(size, "Job").values():
        (rule,) = job["spec"]["podFailurePolicy"]["rules"]
        assert rule == {"action": "FailJob", "onExitCodes": {"operator": "In", "values": [78]}}


def _measured() -> dict[str, tuple[float, float]]:
    """Milliseconds for a report, and bytes, of each process as the page has them."""
    rows = re.findall(r"^\| (\w+) \| ([\d.]+|not measured) \| (\d+) MiB", PAGE.read_text(), re.MULTILINE)
    return {name: (0.0 if time == "not measured" else float(time), float(mib) * 2**20) for name, time, mib in rows}


def _quantity(text: Any) -> float:
    number, unit = re.fullmatch(r"([\d.]+)([A-Za-z]*)", str(text)).groups()  # type: ignore[union-attr]
    return float(number) * _UNITS[unit]


def test_quantities_are_read() -> None:
    assert (_quantity("150m"), _quantity("1"), _quantity("2Mi")) == (0.15, 1.0, 2097152.0)


def test_the_module_of_a_workload_is_read() -> None:
    assert module_of(workloads("country")["gateway"]) == "services.gateway"


def test_the_table_of_authorities_is_mounted_where_the_broker_is_used() -> None:
    table = to_toml(LOCAL)
    found = render(values_of_size("country") | {"authorities": table})
    (configured,) = (one for one in found if one["kind"] == "ConfigMap" and one["metadata"]["name"] == "authorities")
    assert configured["data"] == {"authorities.toml": table}
    (exports,) = (one for one in found if one["kind"] == "Deployment" and one["metadata"]["name"] == "exports")
    (container,) = exports["spec"]["template"]["spec"]["containers"]
    assert {"name": SETTING, "value": "/run/authorities/authorities.toml"} in container["env"]
    assert {"name": "authorities", "configMap": {"name": "authorities"}} in exports["spec"]["template"]["spec"][
        "volumes"
    ]
