"""What the launcher lacks it says in one sentence, with the remedy."""

import platform
import shutil
import socket
from pathlib import Path
from typing import NamedTuple

import pytest

from deploy.local import kafka, mongod, node, npm, ports, provider
from deploy.local.cache import fetch_once, require_space
from deploy.local.errors import LauncherError
from deploy.local.progress import Silent


def executable(directory: Path, name: str, script: str) -> None:
    """A command that a test puts on the path."""
    path = directory / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


@pytest.fixture
def bare_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory that is the whole of PATH."""
    directory = tmp_path / "bin"
    directory.mkdir()
    monkeypatch.setenv("PATH", str(directory))
    return directory


@pytest.mark.usefixtures("bare_path")
def test_no_java() -> None:
    with pytest.raises(LauncherError, match=r"no `java` on the path.*openjdk-17-jre-headless"):
        kafka.java_version()


def test_java_too_old(bare_path: Path) -> None:
    executable(bare_path, "java", """echo 'openjdk version "11.0.22" 2024-01-16' >&2""")
    with pytest.raises(LauncherError, match=r"is 11\.0\.22.*openjdk-17-jre-headless"):
        kafka.java_version()


def test_java_new_enough(bare_path: Path) -> None:
    executable(bare_path, "java", """echo 'openjdk version "25" 2025-09-16' >&2""")
    assert kafka.java_version() == "25"


@pytest.mark.usefixtures("bare_path")
def test_no_maven(tmp_path: Path) -> None:
    with pytest.raises(LauncherError, match=r"no `mvn` on the path.*apt-get install"):
        kafka.fetch(tmp_path / "cache", Silent())


def test_maven_without_repository(bare_path: Path, tmp_path: Path) -> None:
    executable(bare_path, "mvn", "echo '[INFO] Scanning'; echo '[ERROR] Could not resolve'; exit 1")
    with pytest.raises(LauncherError, match="Maven could not fetch Kafka") as caught:
        kafka.fetch(tmp_path / "cache", Silent())
    assert caught.value.log_tail == "[ERROR] Could not resolve"


def test_maven_with_other_bytes(bare_path: Path, tmp_path: Path) -> None:
    script = 'for a in "$@"; do case $a in -DoutputDirectory=*) echo bad > "${a#*=}/kafka.jar";; esac; done'
    executable(bare_path, "mvn", script)
    with pytest.raises(LauncherError, match=r"not those in deploy/local/kafka\.sha256"):
        kafka.fetch(tmp_path / "cache", Silent())


def test_other_platform(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "aarch64")
    with pytest.raises(LauncherError, match=r"this is Linux on aarch64.*Docker engine"):
        mongod.fetch(tmp_path, Silent())


def test_node_that_pip_cannot_fetch(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    nowhere = tmp_path / "nowhere.txt"
    nowhere.write_text("frikort-no-such-wheel==1 --hash=sha256:" + "0" * 64 + "\n")
    monkeypatch.setattr(node, "REQUIREMENTS", nowhere)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    with pytest.raises(LauncherError, match=r"pip could not fetch Node\.js.*package index"):
        node.fetch(tmp_path / "cache", Silent())


def test_npm_without_registry(bare_path: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    executable(bare_path, "node", "echo 'npm error network' >&2; exit 1")
    monkeypatch.setattr(node, "fetch", lambda cache, progress: bare_path / "node")
    with pytest.raises(LauncherError, match=r"npm could not install.*registry may be out of reach") as caught:
        npm.install(provider.SOURCES, tmp_path / "cache")
    assert caught.value.log_tail == "npm error network\n"


def test_port_in_use() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(LauncherError, match=f"Port {port}, which gateway needs, is taken"):
            ports.require_free(port, "gateway")
    ports.require_free(port, "gateway")


def test_disk_full(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    class Usage(NamedTuple):
        free: int

    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(free=200_000_000))
    with pytest.raises(LauncherError, match=r"Only 200 MB are free.*FRIKORT_CACHE"):
        require_space(tmp_path)


def test_a_broken_fetch_leaves_nothing_half_done(tmp_path: Path) -> None:
    target = tmp_path / "thing"

    def breaks(directory: Path) -> None:
        (directory / "half").touch()
        raise LauncherError("It broke.", "Try again.")

    with pytest.raises(LauncherError):
        fetch_once(target, breaks)
    assert not target.exists()
    fetch_once(target, lambda directory: (directory / "whole").touch())
    assert [path.name for path in target.iterdir()] == ["whole"]
    fetch_once(target, breaks)
