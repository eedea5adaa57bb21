"""openapi-typescript writes types that tsc accepts in strict mode."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Final

import pytest

from tests.clients.building import DOCUMENT, build_once, run
from tests.clients.node import NODE_TOOLS, node, script

pytestmark = pytest.mark.verify

EXAMPLE: Final = Path(__file__).parent / "example.ts"


@pytest.mark.timeout(600)
def test_the_typescript_types_are_accepted() -> None:
    inputs = [NODE_TOOLS / "package-lock.json", EXAMPLE, Path(__file__)]
    assert (build_once("typescript", inputs, _generate_and_check) / "frikort.d.ts").exists()


def _generate_and_check(directory: Path) -> None:
    shutil.copy(EXAMPLE, directory)
    run([node(), script("openapi-typescript"), DOCUMENT, "--output", "frikort.d.ts"], directory)
    run([node(), script("typescript", "tsc"), "--noEmit", "--strict", "frikort.d.ts", EXAMPLE.name], directory)
