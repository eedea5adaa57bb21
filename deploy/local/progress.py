"""How the launcher says what it is doing."""

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
        """Open a step; the value given says details while it lasts.

        Closing it reports the seconds since it was opened, or since an earlier point of `time.monotonic()`.
        """


class Silent:
    """Says nothing: for tests."""

    @contextmanager
    def step(self, label: str, since: float | None = None) -> Iterator[Say]:
        yield lambda detail: None


class PlainLines:
    """A line when a step is done, for logs and pipes."""

    @contextmanager
    def step(self, label: str, since: float | None = None) -> Iterator[Say]:
        started = time.monotonic() if since is None else since
        yield lambda detail: None
        print(f"  ready  {label} ({time.monotonic() - started:.1f} s)", flush=True)


class Spinner:
    """A moving line while a step lasts, for terminals."""

    @contextmanager
    def step(self, label: str, since: float | None = None) -> Iterator[Say]:
        console = Console(highlight=False)
        started = time.monotonic() if since is None else since
        with console.status(label) as status:
            yield lambda detail: status.update(f"{label}: {detail}")
        console.print(f"  [green]ready[/green]  {label} [dim]({time.monotonic() - started:.1f} s)[/dim]")


def for_people() -> Progress:
    """The progress that suits standard output."""
    return Spinner() if sys.stdout.isatty() else PlainLines()
