"""docker-compose.yml, the image, and the hosts that no file may name."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml
from compose_spec import PyCompose
from frikort_contracts.access import PROCESSES, PROVISIONER

from deploy.local import broker_config, containers, provider, system
from deploy.local.config import REPOSITORY

COMPOSE: dict[str, Any] = yaml.safe_load((REPOSITORY / "docker-compose.yml").read_text())
SERVICES: dict[str, Any] = COMPOSE["services"]

# Joined here, because the rule holds for this file too.
REGISTRY_HOSTS = [
    ".".join(parts)
    for parts in [
        ("pypi", "org"),
        ("pythonhosted", "org"),
        ("npmjs", "org"),
        ("npmjs", "com"),
        ("repo", "maven", "apache", "org"),
        ("repo1", "maven", "org"),
        ("deb", "debian", "org"),
        ("security", "debian", "org"),
        ("crates", "io"),
        ("proxy", "golang", "org"),
        ("docker", "io"),
    ]
]


def test_compose_file_is_valid() -> None:
    # The validator does not know `on-failure:<retries>`, which the specification has.
    assert PyCompose.from_yaml(yaml.safe_dump(COMPOSE).replace("restart: on-failure:5", "restart: on-failure"))


def test_compose_has_the_system_of_the_launcher() -> None:
    modules = {name: service["command"][-1] for name, service in SERVICES.items() if "build" in service}
    expected = {service.name: service.module for service in system.SERVICES}
    assert modules.items() >= (expected | {"topics": system.TOPICS, "provider": "provider.mjs"}).items()
    assert SERVICES["kafka"]["image"] == containers.KAFKA_IMAGE
    assert SERVICES["mongodb"]["image"] == containers.MONGODB_IMAGE


@pytest.mark.parametrize("name", ["kafka", "mongodb"])
def test_an_engine_of_compose_is_pinned_to_a_release(name: str) -> None:
    assert re.fullmatch(r"[\w/]+:\d+\.\d+\.\d+", SERVICES[name]["image"])


@pytest.mark.parametrize(
    ("name", "settings"),
    [*((service.name, service.settings) for service in system.SERVICES), ("provider", system.PROVIDER_SETTINGS)],
)
def test_a_service_holds_the_same_keys_in_compose(name: str, settings: tuple[str, ...]) -> None:
    given = SERVICES[name]["environment"]
    assert {name for name in given if "KEY" in name} == {name for name in settings if "KEY" in name}
    assert set(settings) <= {*given, "FRIKORT_LOGIN_CLIENT_ID"}  # which has a default


@pytest.mark.parametrize("name", [*PROCESSES, "topics"])
def test_a_process_has_its_own_user_and_password_at_the_broker_in_compose(name: str) -> None:
    principal = PROVISIONER if name == "topics" else name
    environment = SERVICES[name]["environment"]
    assert environment["FRIKORT_KAFKA_USER"] == principal
    mounted = {volume["target"]: volume["volume"] for volume in SERVICES[name]["volumes"] if isinstance(volume, dict)}
    folder = environment["FRIKORT_KAFKA_PASSWORD_FILE"].removesuffix("/password")
    assert mounted[folder] == {"subpath": f"kafka/{principal}"}


def test_the_broker_of_compose_starts_like_that_of_the_launcher(tmp_path: Path) -> None:
    assert SERVICES["kafka"]["command"][-1] == broker_config.COMMAND.format(cluster="frikort-on-one-machine")
    broker_config.write_for_compose(tmp_path, "kafka")
    properties = (tmp_path / "broker" / broker_config.PROPERTIES).read_text()
    assert "advertised.listeners=CLIENT://kafka:9092\n" in properties
    assert broker_config.security((tmp_path / "kafka" / "broker" / "password").read_text()).items() <= {
        tuple(line.split("=", 1)) for line in properties.splitlines()
    }
    assert all(path.stat().st_mode & 0o077 == 0 for path in tmp_path.rglob("*") if path.is_file())


def test_only_the_gateway_holds_the_lookup_key() -> None:
    assert [service.name for service in system.SERVICES if "FRIKORT_LOOKUP_KEY" in service.settings] == ["gateway"]


def test_the_lock_of_the_openid_provider_holds_hashes() -> None:
    project = provider.SOURCES
    lock = json.loads((project / "package-lock.json").read_text())["packages"]
    assert lock[""]["dependencies"] == json.loads((project / "package.json").read_text())["dependencies"]
    assert all(package["integrity"].startswith("sha512-") for name, package in lock.items() if name)


def test_the_gateway_finds_the_openid_provider_under_the_name_that_a_browser_has_for_it() -> None:
    address = SERVICES["provider"]["environment"]["FRIKORT_ISSUER"]
    host, port = urlsplit(address).hostname, urlsplit(address).port
    assert SERVICES["gateway"]["environment"]["FRIKORT_ISSUER"] == address
    assert SERVICES["provider"]["networks"]["default"]["aliases"] == [host]
    assert SERVICES["provider"]["ports"] == [f"127.0.0.1:{port}:{port}"]
    assert SERVICES["provider"]["environment"]["FRIKORT_PORT"] == str(port)
    assert SERVICES["keys"]["command"][-1] == SERVICES["portals"]["environment"]["FRIKORT_PUBLIC_URL"]


def test_compose_waits_for_what_it_depends_on() -> None:
    for service in SERVICES.values():
        for name, dependency in service.get("depends_on", {}).items():
            checked = "healthcheck" in SERVICES[name] and "disable" not in SERVICES[name]["healthcheck"]
            assert dependency["condition"] == ("service_healthy" if checked else "service_completed_successfully")


@pytest.mark.parametrize("name", SERVICES)
def test_every_container_has_a_limit_of_memory_and_processes_and_a_bounded_log(name: str) -> None:
    service = SERVICES[name]
    assert service["mem_limit"]
    assert service["pids_limit"] > 0
    assert service["logging"] == {"driver": "local", "options": {"max-size": "20m", "max-file": "5"}}


@pytest.mark.parametrize("name", [service.name for service in system.SERVICES])
def test_a_service_has_the_memory_of_the_chart_in_compose(name: str) -> None:
    chart = yaml.safe_load((REPOSITORY / "deploy" / "helm" / "frikort" / "values.yaml").read_text())
    limit = chart["processes"][name]["resources"]["limits"]["memory"]
    assert SERVICES[name]["mem_limit"] == limit.lower().removesuffix("i")


@pytest.mark.parametrize("name", [*(service.name for service in system.SERVICES), "topics", "users", "provider"])
def test_a_service_that_fails_again_and_again_stays_down_after_five_restarts(name: str) -> None:
    policy, _, most = SERVICES[name]["restart"].partition(":")
    assert policy == "on-failure", "a process that was asked to stop ends with 0 and stays down"
    assert 0 < int(most) <= 5


@pytest.mark.parametrize("name", ["kafka", "mongodb"])
def test_an_engine_is_restarted_until_it_is_stopped(name: str) -> None:
    assert SERVICES[name]["restart"] == "unless-stopped"


def test_compose_refuses_to_start_without_secrets() -> None:
    for name in ("FRIKORT_ENCRYPTION_KEYS", "FRIKORT_LOOKUP_KEY"):
        assert SERVICES["gateway"]["environment"][name].startswith(f"${{{name}:?")


def test_the_image_copies_what_exists_and_is_sent_to_the_engine() -> None:
    sent = (REPOSITORY / ".dockerignore").read_text().splitlines()
    lines = (REPOSITORY / "deploy" / "Dockerfile").read_text().splitlines()
    copied = [path for line in lines if line.startswith("COPY ") for path in line.split()[1:-1]]
    assert copied
    for path in copied:
        assert (REPOSITORY / path).exists(), path
        assert f"!{path}" in sent, path


def test_no_registry_host_stands_in_a_tracked_file() -> None:
    listed = subprocess.run(
        ["git", "grep", "-I", "-l", "-i", "-F", *[word for host in REGISTRY_HOSTS for word in ("-e", host)]],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    assert listed.returncode in (0, 1), listed.stderr
    assert listed.stdout.splitlines() == []
