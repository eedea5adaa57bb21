"""A run of many seeds shows the seeds done, the rate and the time left."""

from __future__ import annotations

import io
from collections.abc import Iterator
from itertools import count

from rich.console import Console

from tests.simulation.progress import progress_text, with_progress


def ticks(seconds: float) -> Iterator[float]:
    """A clock that is read every ``seconds``."""
    return (number * seconds for number in count())


def shown(*, terminal: bool, seconds: float) -> str:
    out = io.StringIO()
    clock = ticks(seconds)
    console = Console(file=out, force_terminal=terminal, width=100)
    assert list(with_progress(range(100), 100, console, lambda: next(clock))) == list(range(100))
    return out.getvalue()


def test_the_text_has_the_seeds_done_the_rate_and_the_time_left() -> None:
    assert progress_text(2_500, 10_000, 1000) == "2,500 of 10,000 seeds, 2.5 a second, 0:50:00 left"
    assert progress_text(0, 10_000, 0) == "0 of 10,000 seeds"


def test_a_log_gets_a_line_every_thirty_seconds() -> None:
    lines = shown(terminal=False, seconds=5).splitlines()
    assert lines[0] == "6 of 100 seeds, 0.2 a second, 0:07:50 left"
    assert len(lines) == 16


def test_a_short_run_adds_nothing_to_a_log() -> None:
    assert shown(terminal=False, seconds=0.1) == ""


def test_a_terminal_shows_the_progress_in_one_line() -> None:
    text = shown(terminal=True, seconds=1)
    assert "100 of 100 seeds" in text
    assert text.count("\n") <= 1
