"""Distributes the tests among workers, and orders them: `make test` takes as long as its longest worker."""

from __future__ import annotations

import re
from typing import Final

from xdist.scheduler import LoadFileScheduling

# Tests that start the same system or engines run in one worker, so that it is started once. The longest groups come
# first; integration comes before the other tests of its system, because some of those change the clock.
_GROUPS: Final = tuple(
    (name, re.compile(files))
    for name, files in (
        ("system", r"tests/integration/"),
        (
            "system",
            r"tests/demo/|tests/gateway/test_(real|access_log|batches)\.py|tests/portals/test_(login|.*_journey)\.py",
        ),
        ("operations", r"tests/operations/"),
        ("browser", r"tests/portals/test_(.*_browser|employer|kit|public)\.py"),
        ("chaos", r"tests/chaos/"),
        ("engines", r"tests/exports/test_(claims|worker)\.py|tests/portals/login/test_session_store\.py"),
        ("engines", r"tests/runtime/test_consuming_real\.py"),
        ("deploy", r"tests/deploy/|tests/exports/test_extract_integration\.py"),
    )
)


def rank(nodeid: str) -> int:
    """The position of a test's group: long groups first."""
    return next((place for place, (_, files) in enumerate(_GROUPS) if files.match(nodeid)), len(_GROUPS))


class Scheduling(LoadFileScheduling):  # type: ignore[misc]
    """Gives a worker one file at a time, or all tests of one group."""

    def _split_scope(self, nodeid: str) -> str:
        return next((name for name, files in _GROUPS if files.match(nodeid)), super()._split_scope(nodeid))
