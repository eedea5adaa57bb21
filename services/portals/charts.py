"""Pictures of amounts: what to draw, and exactly where. Pure; the macros of ``charts.html`` draw it.

Places and lengths are fractions, so a bar is its amount to the øre; only drawing rounds, to a hundredth of a unit. The
drawing area is as wide as a small phone, so that its text can be read there too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from itertools import accumulate
from typing import Final

WIDTH: Final = 360

_ROW: Final = 24
_BAR: Final = 16
_NAMES: Final = 80  # left of the bars
_AMOUNTS: Final = 112  # right of the longest bar

_STEPS_HEIGHT: Final = 236
_LEFT: Final = 52  # for the amounts at the axis
_RIGHT: Final = 350
_TOP: Final = 26
_BOTTOM: Final = 210
_TICKS: Final = 4
_ROUND: Final = (1, 2, 5, 10)
_NAMED_MONTHS: Final = (1, 4, 7, 10)


@dataclass(frozen=True)
class Part:
    """A piece of a bar: ``amount`` øre, drawn from ``x``."""

    amount: int
    x: Fraction
    width: Fraction


@dataclass(frozen=True)
class Bar:
    """A row: its name, the part within the allowance, the part above it, and where the sum is written."""

    name: str
    exempt: Part
    excess: Part
    y: int

    @property
    def total(self) -> int:
        """The sum, in øre."""
        return self.exempt.amount + self.excess.amount

    @property
    def end(self) -> Fraction:
        """Where the bar ends."""
        return self.excess.x + self.excess.width


@dataclass(frozen=True)
class Bars:
    """Lying bars, one below the other, on the same scale (units for an øre)."""

    bars: tuple[Bar, ...]
    scale: Fraction
    width: int = WIDTH
    thickness: int = _BAR

    @property
    def height(self) -> int:
        """Of the drawing area."""
        return _ROW * len(self.bars)


def bars(rows: Sequence[tuple[str, int, int]]) -> Bars:
    """A bar for each (name, exempt, excess), amounts in øre and none below zero."""
    most = max((exempt + excess for _, exempt, excess in rows), default=0)
    scale = Fraction(WIDTH - _NAMES - _AMOUNTS, most) if most else Fraction(0)
    drawn: list[Bar] = []
    for number, (name, exempt, excess) in enumerate(rows):
        within = Part(exempt, Fraction(_NAMES), exempt * scale)
        above = Part(excess, within.x + within.width, excess * scale)
        drawn.append(Bar(name, within, above, number * _ROW + (_ROW - _BAR) // 2))
    return Bars(tuple(drawn), scale)


@dataclass(frozen=True)
class Step:
    """A report: on ``day`` the sum grows by ``amount`` to ``total`` øre; drawn at ``x`` from ``below`` up to ``y``."""

    day: date
    amount: int
    total: int
    x: Fraction
    below: Fraction
    y: Fraction


@dataclass(frozen=True)
class Mark:
    """A place on an axis: an amount in øre, or the first day of a month as its number."""

    value: int
    at: Fraction


@dataclass(frozen=True)
class Steps:
    """A year's sum, growing with each report, and the allowance as a line across. ``scale`` is units for an øre."""

    steps: tuple[Step, ...]
    allowance: Mark
    amounts: tuple[Mark, ...]
    months: tuple[Mark, ...]
    scale: Fraction
    width: int = WIDTH
    height: int = _STEPS_HEIGHT
    left: int = _LEFT
    right: int = _RIGHT
    bottom: int = _BOTTOM


def steps(year: int, allowance: int, reports: Sequence[tuple[date, int]]) -> Steps:
    """A step for each report of the year (payment date, øre), in the order of the days; none is below zero."""
    in_order = sorted(reports)
    totals = list(accumulate((amount for _, amount in in_order), initial=0))
    scale, amounts = _upright_axis(max(allowance, totals[-1]))
    begin = date(year, 1, 1).toordinal()
    days = date(year, 12, 31).toordinal() - begin

    def across(day: date) -> Fraction:
        return _LEFT + Fraction(_RIGHT - _LEFT, days) * (day.toordinal() - begin)

    def up(amount: int) -> Fraction:
        return _BOTTOM - amount * scale

    return Steps(
        steps=tuple(
            Step(day, amount, total, across(day), up(total - amount), up(total))
            for (day, amount), total in zip(in_order, totals[1:], strict=True)
        ),
        allowance=Mark(allowance, up(allowance)),
        amounts=amounts,
        months=tuple(Mark(month, across(date(year, month, 1))) for month in _NAMED_MONTHS),
        scale=scale,
    )


@dataclass(frozen=True)
class Point:
    """A count at the end of a month (1 to 12)."""

    month: int
    value: int
    x: Fraction
    y: Fraction


@dataclass(frozen=True)
class Line:
    """What is counted, month by month. ``number`` chooses how the line is drawn, from 1."""

    number: int
    name: str
    points: tuple[Point, ...]


@dataclass(frozen=True)
class Lines:
    """Counts over the months of a year, on the same scale (units for one)."""

    lines: tuple[Line, ...]
    values: tuple[Mark, ...]
    months: tuple[Mark, ...]
    scale: Fraction
    width: int = WIDTH
    height: int = _STEPS_HEIGHT
    left: int = _LEFT
    right: int = _RIGHT
    bottom: int = _BOTTOM


def lines(series: Sequence[tuple[str, Sequence[tuple[int, int]]]]) -> Lines:
    """A line for each (name, counts), with (month, count) in order of the months; no count is below zero."""
    most = max((count for _, counts in series for _, count in counts), default=0)
    scale, values = _upright_axis(most, smallest=1)

    def across(month: int) -> Fraction:
        return _LEFT + Fraction(_RIGHT - _LEFT, 11) * (month - 1)

    return Lines(
        lines=tuple(
            Line(
                number,
                name,
                tuple(Point(month, count, across(month), _BOTTOM - count * scale) for month, count in counts),
            )
            for number, (name, counts) in enumerate(series, 1)
        ),
        values=values,
        months=tuple(Mark(month, across(month)) for month in _NAMED_MONTHS),
        scale=scale,
    )


def _upright_axis(most: int, *, smallest: int = 100) -> tuple[Fraction, tuple[Mark, ...]]:
    """The units for one, and the marks from nothing up to the first that reaches ``most``."""
    between = _between_marks(most, smallest=smallest)
    marks = max(1, -(-most // between))
    scale = Fraction(_BOTTOM - _TOP, between * marks)
    values = (between * number for number in range(marks + 1))
    return scale, tuple(Mark(value, _BOTTOM - value * scale) for value in values)


def _between_marks(most: int, *, smallest: int = 100) -> int:
    """A round number of which four or five at most reach ``most``. At least ``smallest``: whole kroner, in øre."""
    least = max(most, smallest * _TICKS) // _TICKS
    power = int("1".ljust(len(str(least)), "0"))
    return next(factor * power for factor in _ROUND if factor * power >= least)
