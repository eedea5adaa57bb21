"""Asks processes for ``/health/live`` while something else happens, from a process of its own.

In a process that also makes load, the time of an answer would contain the time that the load takes in its event loop.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Final

import httpx2

_EVERY: Final = 0.25


async def slowest_live(urls: Mapping[str, str], ended: asyncio.Event) -> tuple[float, str]:
    """Ask every process until ``ended``; ``urls`` are the addresses of health by name.

    Returns the longest time of an answer in seconds, and whose it was. Raises ``RuntimeError`` if one gave none.
    """
    pipe = asyncio.subprocess.PIPE
    argv = (sys.executable, "-m", "tests.liveness", json.dumps(dict(urls)))
    asking = await asyncio.create_subprocess_exec(*argv, stdin=pipe, stdout=pipe)
    stopped = asyncio.create_task(asking.wait())
    waited = asyncio.create_task(ended.wait())
    try:
        await asyncio.wait([stopped, waited], return_when=asyncio.FIRST_COMPLETED)
        output, _ = await asking.communicate(b"")  # closes its standard input, which ends it
    finally:
        waited.cancel()
        if asking.returncode is None:
            asking.kill()
        await stopped
    if asking.returncode:
        raise RuntimeError("a process did not answer /health/live")
    seconds, name = json.loads(output)
    return seconds, name


async def _ask_until_end_of_input(urls: Mapping[str, str]) -> tuple[float, str]:
    longest = 0.0, "nobody"
    ended = asyncio.Event()
    asyncio.get_running_loop().add_reader(sys.stdin, ended.set)
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


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asyncio.run(_ask_until_end_of_input(json.loads(sys.argv[1])))))
