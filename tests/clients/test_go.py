"""oapi-codegen writes a Go client that compiles and passes `go vet`."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Final

import pytest

from deploy.local.config import default_cache
from tests.clients.building import DOCUMENT, build_once, run, wheel

pytestmark = pytest.mark.verify

HERE: Final = Path(__file__).parent / "go"
TOOLCHAIN: Final = HERE / "toolchain.txt"
MODULE: Final = (HERE / "go.mod", HERE / "go.sum")
"""The module that the client is generated into: oapi-codegen and its runtime, with their checksums."""


@pytest.mark.timeout(600)
def test_the_go_client_compiles() -> None:
    client = build_once("go", [TOOLCHAIN, *MODULE, Path(__file__)], _generate_and_compile)
    assert (client / "frikort" / "client.go").exists()


def _generate_and_compile(directory: Path) -> None:
    go = wheel(TOOLCHAIN, "Go") / "go" / "bin" / "go"
    kept = default_cache() / "go"
    environment = {
        "GOPATH": str(kept / "path"),
        "GOCACHE": str(kept / "build"),
        "GOROOT": "",
        "GOTOOLCHAIN": "local",
        "GOFLAGS": "-mod=readonly -modcacherw",
        "CGO_ENABLED": "0",
    }
    for file in MODULE:
        shutil.copy(file, directory)
    (directory / "frikort").mkdir()
    output = directory / "frikort" / "client.go"
    generate = ["tool", "oapi-codegen", "-generate", "types,client", "-package", "frikort", "-o", output, DOCUMENT]
    run([go, *generate], directory, environment)
    run([go, "build", "./..."], directory, environment)
    run([go, "vet", "./..."], directory, environment)
