"""How the tests are shared out among workers, and in which order: `make test` is as long as its unluckiest worker."""

from __future__ import annotations

from typing import Final

from xdist.scheduler import LoadFileScheduling

_SYSTEM: Final = ("tests/integration/", "tests/demo/", "tests/gateway/test_real.py", "tests/portals/test_login.py")
_LONG: Final = ("tests/operations/", "tests/chaos/", "tests/portals/", "tests/exports/", "tests/deploy/")


def on_the_system(nodeid: str) -> bool:
    """Whether a test plays on the one running system, which one worker starts; the last of them look back on all."""
    return nodeid.startswith(_SYSTEM) or "_journey.py::" in nodeid


def rank(nodeid: str) -> int:
    """What takes long begins early, so that no worker ends alone with it."""
    if nodeid.startswith("tests/integration/"):
        return 0  # before others have turned the system's clock
    return 1 if on_the_system(nodeid) else 2 if nodeid.startswith(_LONG) else 3


class Scheduling(LoadFileScheduling):  # type: ignore[misc]
    """A worker takes a file at a time; all that plays on the running system is one piece of work."""

    def _split_scope(self, nodeid: str) -> str:
        return "system" if on_the_system(nodeid) else super()._split_scope(nodeid)
