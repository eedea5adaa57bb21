"""Distributes the tests among workers, and orders them: `make test` takes as long as its longest worker."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from xdist.scheduler import LoadFileScheduling

# Tests that use the fixture `system` or `engines` are in the group of that name, so that it is started once and stopped
# after them. The longest groups come first; integration comes before the other tests of its system, because some of
# those change the clock.
_GROUPS: Final = (
    ("system", (r"tests/integration/",)),
    (
        "system",
        (
            r"tests/attack/api/",
            r"tests/demo/",
            r"tests/gateway/attempts/test_limiter\.py",
            r"tests/gateway/(?:api/test_real|audit/test_(?:expiry|log|reasons|signer|unusual)|evidence/test_signer|retention/test_job|payroll/test_store)\.py",
            r"tests/portals/journeys/",
            r"tests/clients/test_python_calls\.py",
            r"tests/fuzz/test_api\.py",
        ),
    ),
    ("operations", (r"tests/operations/",)),
    (
        "browser",
        (
            r"tests/portals/(?:citizen/)?test_.*in_a_browser\.py",
            r"tests/portals/employer/test_(?:all_pages|files)\.py",
            r"tests/portals/test_(?:kit|public|statistics)\.py",
        ),
    ),
    ("simulation", (r"tests/simulation/test_simulation\.py",)),
    ("chaos", (r"tests/chaos/",)),
    ("production", (r"tests/production/",)),
    (
        "engines",
        (
            r"tests/exports/(?:test_extract_(?:kinds|periods|queue|worker)|test_rebuild_claim|statistics/test_publisher)\.py",
            r"tests/gateway/test_(?:clock|projection_heartbeat|read_models)\.py",
            r"tests/portals/login/test_session_store\.py",
            r"tests/runtime/test_(?:consuming_real|document_jobs|document_store|instance_lock|key_checks|nightly|processes|projection)\.py",
        ),
    ),
    ("deploy", (r"tests/deploy/", r"tests/(?:balance|exports)/test_(?:extract|jobs)_integration\.py")),
)
_COMPILED: Final = tuple((name, tuple(map(re.compile, files))) for name, files in _GROUPS)


def patterns() -> Iterator[re.Pattern[str]]:
    """The patterns of all groups."""
    return (pattern for _, files in _COMPILED for pattern in files)


def group_of(nodeid: str) -> str | None:
    """The group of a test or a test file; None if its file is distributed alone."""
    return next((name for name, files in _COMPILED if any(file.match(nodeid) for file in files)), None)


def rank(nodeid: str) -> int:
    """The position of a test's group: long groups first."""
    places = (place for place, (_, files) in enumerate(_COMPILED) if any(file.match(nodeid) for file in files))
    return next(places, len(_COMPILED))


class Scheduling(LoadFileScheduling):  # type: ignore[misc]
    """Gives a worker one file at a time, or all tests of one group."""

    def _split_scope(self, nodeid: str) -> str:
        return group_of(nodeid) or super()._split_scope(nodeid)
