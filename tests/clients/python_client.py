"""The Python client, generated once."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

from tests.clients.building import DOCUMENT, build_once, run

PACKAGE: Final = "frikort_client"
_CONFIG: Final = Path(__file__).with_name("generator.yaml")
_LOCK: Final = Path(__file__).parents[2] / "requirements" / "dev.txt"


def python_client() -> Path:
    """The directory that holds the package `frikort_client`."""
    return build_once("python", [_CONFIG, _LOCK, Path(__file__)], _generate)


def _generate(directory: Path) -> None:
    generate = [sys.executable, "-m", "openapi_python_client", "generate", "--path", DOCUMENT, "--config", _CONFIG]
    # It warns about the media types of the upload that it leaves out beside application/octet-stream.
    run([*generate, "--output-path", PACKAGE, "--meta", "none"], directory)
