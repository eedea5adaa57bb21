"""The progress of a run of many seeds: one moving line on a terminal, elsewhere a line every 30 seconds."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from typing import Final, TypeVar

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

LOG_SECONDS: Final = 30.0
T = TypeVar("T")


def progress_text(done: int, total: int, seconds: float) -> str:
    """How many of ``total`` seeds are done, the rate, and the time left at this rate."""
    if not done or seconds <= 0:
        return f"{done:,} of {total:,} seeds"
    left = timedelta(seconds=round((total - done) * seconds / done))
    return f"{done:,} of {total:,} seeds, {done / seconds:.1f} a second, {left} left"


def with_progress(
    results: Iterable[T], total: int, console: Console, now: Callable[[], float] = time.monotonic
) -> Iterator[T]:
    """Yield ``results`` and show on ``console`` how many of ``total`` there were."""
    follow = _moving_line if console.is_terminal else _log_lines
    return follow(results, total, console, now)


def _moving_line(results: Iterable[T], total: int, console: Console, now: Callable[[], float]) -> Iterator[T]:
    start = now()
    with Progress(BarColumn(), TextColumn("{task.description}"), console=console) as bar:
        task = bar.add_task(progress_text(0, total, 0), total=total)
        for done, result in enumerate(results, start=1):
            bar.update(task, completed=done, description=progress_text(done, total, now() - start))
            yield result


def _log_lines(results: Iterable[T], total: int, console: Console, now: Callable[[], float]) -> Iterator[T]:
    start = shown = now()
    for done, result in enumerate(results, start=1):
        if (at := now()) - shown >= LOG_SECONDS:
            shown = at
            console.print(progress_text(done, total, shown - start), markup=False, highlight=False, soft_wrap=True)
        yield result
