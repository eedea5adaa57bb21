"""Asks processes for ``/health/live`` while something else happens."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Final

import httpx2

_EVERY: Final = 0.25


async def slowest_live(urls: Mapping[str, str], ended: asyncio.Event) -> tuple[float, str]:
    """Ask every process until ``ended``; ``urls`` are the addresses of health by name.

    Returns the longest time of an answer in seconds, and whose it was. Raises the errors of httpx.
    """
    longest = 0.0, "nobody"
    async with httpx2.AsyncClient(timeout=60.0, limits=httpx2.Limits(max_keepalive_connections=0)) as http:

        async def ask(name: str) -> tuple[float, str]:
            began = time.monotonic()
            (await http.get(f"{urls[name]}/health/live")).raise_for_status()
            return time.monotonic() - began, name

        while not ended.is_set():
            longest = max(longest, *await asyncio.gather(*map(ask, urls)))
            with suppress(TimeoutError):
                await asyncio.wait_for(ended.wait(), _EVERY)
    return longest
