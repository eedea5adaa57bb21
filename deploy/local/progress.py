"""Progress reports of the launcher."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

from rich.console import Console

Say = Callable[[str], None]


class Progress(Protocol):
    """Receives each step of the launcher."""

    def step(self, label: str, since: float | None = None) -> AbstractContextManager[Say]:
        """Start a step. The returned function reports a detail, such as "3 of 46".

        The end of the step is reported with the seconds since its start, or since `since` (from `time.monotonic()`).
        """


class Silent:
    """Reports nothing, for tests."""

    @contextmanager
    def step(self, label: str, since: float | None = None) -> Iterator[Say]:
        yield lambda detail: None


class PlainLines:
    """Prints a line at the end of each step, for logs and pipes."""

    @contextmanager
    def step(self, label: str, since: float | None = None) -> Iterator[Say]:
        started = time.monotonic() if since is None else since
        yield lambda detail: None
        print(f"  ready  {label} ({time.monotonic() - started:.1f} s)", flush=True)


class Spinner:
    """Shows a moving line during each step, for terminals."""

    @contextmanager
    def step(self, label: str, since: float | None = None) -> Iterator[Say]:
        console = Console(highlight=False)
        started = time.monotonic() if since is None else since
        with console.status(label) as status:
            yield lambda detail: status.update(f"{label}: {detail}")
        console.print(f"  [green]ready[/green]  {label} [dim]({time.monotonic() - started:.1f} s)[/dim]")


def for_people() -> Progress:
    """The progress reports for standard output: lines that move on a terminal, plain lines elsewhere."""
    return Spinner() if sys.stdout.isatty() else PlainLines()
