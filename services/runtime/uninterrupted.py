"""Short work that a stop of the process must not cut in two."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


async def uninterrupted(work: Coroutine[Any, Any, T]) -> T:
    """The result of ``work``. If the caller is cancelled, ``work`` ends first; the second time, it is cancelled.

    A stop of the process cancels once, and again at the stop timeout. Use it for a record that is published and then
    marked as published: cut in two, it would be published again.
    """
    task = asyncio.create_task(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        raise
    finally:
        if not task.cancel() and not task.cancelled():
            task.exception()  # the caller was cancelled, and does not ask for it
