"""How a contestant in Python runs until SIGTERM."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Coroutine


async def until_terminated(work: Coroutine[None, None, None]) -> None:
    """Run ``work`` until it ends or SIGTERM comes, which cancels it."""
    task = asyncio.ensure_future(work)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await task
