"""Asks processes for ``/health/live`` while something else happens, from a process of its own.

In a process that also makes load, the time of an answer would contain the time that the load takes in its event loop.
The processes are asked one after the other: on two processors, questions to all at once would wait for each other.
"""

from __future__ import annotations

import asyncio
import json
import select
import sys
import time
from collections.abc import Mapping
from http.client import HTTPConnection
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import urlsplit

_EVERY: Final = 0.25
_TIMEOUT: Final = 60.0


class Asked(NamedTuple):
    """A process: the address of its health, and its id."""

    url: str
    pid: int


class SlowestAnswer(NamedTuple):
    """The longest time of an answer, whose it was, and what the thread of its event loop did in this time.

    ``computing`` and ``queued`` are seconds on a processor and seconds without one that was free. A process that
    computes for long blocks its own event loop; one that is queued only shares the machine with too many.
    """

    seconds: float = 0.0
    name: str = "nobody"
    computing: float = 0.0
    queued: float = 0.0

    def __str__(self) -> str:
        return (
            f"{self.name} in {self.seconds:.2f} s "
            f"({self.computing:.2f} s computing, {self.queued:.2f} s waiting for a processor)"
        )


async def slowest_live(asked: Mapping[str, Asked], ended: asyncio.Event) -> SlowestAnswer:
    """Ask every process until ``ended``. Raises ``RuntimeError`` if one gave no answer."""
    pipe = asyncio.subprocess.PIPE
    argv = (sys.executable, "-m", "tests.liveness", json.dumps(asked))
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
    return SlowestAnswer(*json.loads(output))


def _ask_until_end_of_input(asked: Mapping[str, Asked]) -> SlowestAnswer:
    slowest = SlowestAnswer()
    while not select.select([sys.stdin], [], [], _EVERY)[0]:
        slowest = max(slowest, *(_ask(name, one) for name, one in asked.items()))
    return slowest


def _ask(name: str, asked: Asked) -> SlowestAnswer:
    computing, queued = _scheduled(asked.pid)
    began = time.monotonic()
    connection = HTTPConnection(urlsplit(asked.url).netloc, timeout=_TIMEOUT)
    try:
        connection.request("GET", "/health/live")
        answer = connection.getresponse()
        answer.read()
    finally:
        connection.close()
    seconds = time.monotonic() - began
    if answer.status != 200:
        raise RuntimeError(f"{name} answered /health/live with {answer.status}")
    computing_after, queued_after = _scheduled(asked.pid)
    return SlowestAnswer(seconds, name, computing_after - computing, queued_after - queued)


def _scheduled(pid: int) -> tuple[float, float]:
    """The seconds that a process's first thread has computed and has waited for a processor, as Linux counts them."""
    try:
        computed, waited, _ = Path(f"/proc/{pid}/task/{pid}/schedstat").read_text(encoding="ascii").split()
    except OSError:
        return 0.0, 0.0
    return int(computed) / 1e9, int(waited) / 1e9


if __name__ == "__main__":
    given = {name: Asked(*one) for name, one in json.loads(sys.argv[1]).items()}
    sys.stdout.write(json.dumps(_ask_until_end_of_input(given)))
