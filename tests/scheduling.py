"""How the tests are shared out among workers, and in which order: `make test` is as long as its unluckiest worker."""

from __future__ import annotations

import re
from typing import Final

from xdist.scheduler import LoadFileScheduling

# What starts the same thing for a session is one worker's, or each would start it. The longest begin first;
# integration before all that plays on its system, for some of it turns the clock.
_TOGETHER: Final = tuple(
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
    """The long ones first."""
    return next((place for place, (_, files) in enumerate(_TOGETHER) if files.match(nodeid)), len(_TOGETHER))


class Scheduling(LoadFileScheduling):  # type: ignore[misc]
    """A worker takes a file at a time, or all that uses one thing."""

    def _split_scope(self, nodeid: str) -> str:
        return next((name for name, files in _TOGETHER if files.match(nodeid)), super()._split_scope(nodeid))
