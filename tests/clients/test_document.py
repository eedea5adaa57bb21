"""The OpenAPI document passes the rules of two linters."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from tests.clients.building import DOCUMENT, run
from tests.clients.node import node, script

pytestmark = pytest.mark.verify

HERE: Final = Path(__file__).parent
QUIET: Final = {"REDOCLY_TELEMETRY": "off", "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true"}


@pytest.mark.timeout(600)
def test_redocly_finds_no_error() -> None:
    lint = [node(), script("@redocly/cli", "redocly"), "lint", DOCUMENT, "--config", HERE / "redocly.yaml"]
    run(lint, HERE, QUIET)


@pytest.mark.timeout(600)
def test_spectral_finds_no_error() -> None:
    lint = [node(), script("@stoplight/spectral-cli", "spectral"), "lint", DOCUMENT]
    run([*lint, "--ruleset", HERE / "spectral.yaml", "--fail-severity", "error"], HERE)
