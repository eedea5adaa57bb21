"""The API answers as its OpenAPI document says, for each role and without a token."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

import pytest

from deploy.local.system import LocalSystem
from tests.fuzz.api import TAGS, Run, mismatches
from tests.integration.scene import TODAY, World, accepted

FEW: Final = 2
MANY: Final = 30
SEED: Final = int(os.environ.get("FUZZ_SEED") or 1)


class Target(NamedTuple):
    """The token of each role, and the ids of resources that it may see."""

    url: str
    tokens: dict[str, str]
    ids: dict[str, dict[str, str]]


@pytest.fixture(scope="module")
def target(system: LocalSystem) -> Iterator[Target]:
    """A card with an employment and a report, and a mandate of another citizen."""
    world = World(system)
    world.on(TODAY)
    job = world.job()
    reported = job.report()
    report = str(reported["report_id"])
    pending = accepted(job.employer.post("/v1/reports", job.body(), wait=0), 202)
    mandate = str(world.card().mandate(job.card.citizen)["mandate_id"])
    clients = {
        "citizen": job.card.owner,
        "employer": job.employer,
        "caseworker": job.card.caseworker,
        "authority": world.authority("skat"),
        "auditor": world.client("auditor", auditor="dpo"),
    }
    yield Target(
        system.gateway_url,
        {role: world.token(client.person) for role, client in clients.items()},
        {
            "citizen": {"path.report_id": report, "path.mandate_id": mandate},
            "employer": {
                "path.report_id": report,
                "path.employment_id": job.id,
                "path.command_id": str(pending["command_id"]),
            },
            "caseworker": {"path.card_id": job.card.id, "path.report_id": report},
        },
    )
    world.reset_clock()


def check(target: Target, role: str | None, phases: str, examples: int, directory: Path) -> None:
    """Fails with the report of Schemathesis if a response is not as documented."""
    token = None if role is None else target.tokens[role]
    run = Run(target.url, role, token, SEED, examples, phases, target.ids.get(role or "", {}))
    if report := mismatches(run, directory):
        pytest.fail(report, pytrace=False)


@pytest.mark.parametrize("role", TAGS)
def test_every_response_is_as_documented(target: Target, tmp_path: Path, role: str) -> None:
    check(target, role, "fuzzing", FEW, tmp_path)


@pytest.mark.verify
@pytest.mark.timeout(600)
@pytest.mark.parametrize("role", [None, *TAGS])
def test_every_response_to_many_requests_is_as_documented(target: Target, tmp_path: Path, role: str | None) -> None:
    check(target, role, "coverage,fuzzing", MANY, tmp_path)
