"""The round of a release that is rolled back under load, and upgraded again, instance after instance."""

from __future__ import annotations

import asyncio
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Final

from deploy.local.config import REPOSITORY
from tests.chaos.round_context import RoundContext
from tests.rollback.release import ORDER, PREVIOUS, replace_process, unpack

_BACK: Final = tuple(reversed(ORDER))


async def rollback(on: RoundContext) -> None:
    """Replace every instance with the release before, in the order of a rollback, and then with this release again."""
    environment = on.environment
    for release, order in ((await asyncio.to_thread(_previous), _BACK), (REPOSITORY, ORDER)):
        for service in order:
            for name in environment.instances(service):
                await asyncio.to_thread(replace_process, environment.system, name, release)


@cache
def _previous() -> Path:
    return unpack(PREVIOUS, Path(mkdtemp(prefix="frikort-previous-")) / "previous")
