"""What of the true figures may be public. Pure; ``docs/statistics.md`` has the proof, and the tests attack it.

Counts are rounded down to a multiple of five, cell by cell, and a total is a sum of rounded counts. Rounding down keeps
every relation between the true counts (used <= issued, for example), so the published table is itself a possible table,
and would be published as it is. No reader can exclude that it is the true one, in which every difference between
cells, totals and months is a multiple of five. Rounding, the minimum frequency and the p% rule are methods of Hundepool
et al., "Statistical Disclosure Control" (Wiley, 2012) and https://sdctools.github.io/HandbookSDC, chapters 4 and 5.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from frikort_contracts.municipalities import MUNICIPALITIES
from frikort_contracts.statistics import (
    AMOUNT_BASE,
    COUNT_BASE,
    METHOD,
    MunicipalityStatistics,
    StatisticsPublished,
)

from services.exports.statistics.cells import Cell, Contributions, MonthCells, next_month

LEAST_CONTRIBUTORS: Final = 5
"""The people who remain in an amount if its largest employer subtracts its own."""
LEAST_USED: Final = 2 * COUNT_BASE
"""The published number of used cards from which an amount is shown: an amount then says nothing new about it."""
P_PERCENT: Final = 10
"""The second largest contributor knows the largest amount no more exactly than this."""


class CannotBePublished(ValueError):
    """A publication that earlier ones do not allow."""


def publish(truth: MonthCells) -> StatisticsPublished:
    """The figures of a month that may be public."""
    cells = {code: truth.cells.get(code, Cell()) for code in sorted(MUNICIPALITIES)}
    used = {code: rounded_down(cell.used) for code, cell in cells.items()}
    exempt, other_exempt = _amounts({code: cell.exempt for code, cell in cells.items()}, used)
    excess, other_excess = _amounts({code: cell.excess for code, cell in cells.items()}, used)
    rows = tuple(
        MunicipalityStatistics(
            municipality=code,
            issued=rounded_down(cell.issued),
            active=rounded_down(cell.active),
            used=used[code],
            employers=rounded_down(len(cell.employers)),
            exempt=exempt.get(code),
            excess=excess.get(code),
        )
        for code, cell in cells.items()
    )
    employers = len(set[str]().union(*(cell.employers for cell in cells.values())))
    return StatisticsPublished(
        month=truth.month,
        method=METHOD,
        # Rounded down alone, it could be more than the municipalities show together, and reveal what they leave out.
        employers=min(rounded_down(employers), sum(row.employers for row in rows)),
        municipalities=rows,
        other_exempt=other_exempt,
        other_excess=other_excess,
    )


def rounded_down(count: int) -> int:
    """``count`` without the people who are fewer than five more."""
    return count - count % COUNT_BASE


def check(publication: StatisticsPublished, earlier: Sequence[StatisticsPublished]) -> None:
    """Check a publication against all earlier ones, before it is stored. Raises ``CannotBePublished``.

    Cells, differences of cells and differences of publications must not show a group of one to four people.
    """
    if any(each.method != publication.method for each in earlier):
        raise CannotBePublished("figures of two methods can be subtracted from each other: begin another series")
    if any(each.month >= publication.month for each in earlier):
        raise CannotBePublished("a month that is published, or has later ones, does not change")
    now = counts_of(publication)
    for shown in (now, *(_differences(now, counts_of(each)) for each in earlier)):
        if any(count % COUNT_BASE for count in shown.values()):
            raise CannotBePublished("a count is not a multiple of five")
    for row in publication.municipalities:
        if row.active > row.issued or row.used > row.issued:
            raise CannotBePublished(f"{row.municipality} shows more cards in use than it has")


def counts_of(publication: StatisticsPublished) -> dict[tuple[str, str], int]:
    """Every count of people in a publication, by municipality and what is counted."""
    return {
        (row.municipality, name): getattr(row, name)
        for row in publication.municipalities
        for name in ("issued", "active", "used")
    }


def _differences(
    now: Mapping[tuple[str, str], int], before: Mapping[tuple[str, str], int]
) -> dict[tuple[str, str], int]:
    return {cell: count - before.get(cell, 0) for cell, count in now.items()}


def _amounts(sums: Mapping[str, Contributions], used: Mapping[str, int]) -> tuple[Mapping[str, int], int | None]:
    """The amounts that may be shown, by municipality; and the sum of all others together, if it may be shown.

    A total is a sum of amounts that are shown, each of other people. So no amount is left over when one is subtracted.
    """
    shown = {code: _rounded(sums[code].total) for code in sums if may_be_shown(sums[code], used[code])}
    others = Contributions()
    for code in sums.keys() - shown.keys():
        others.merge(sums[code])
    together = sum(used[code] for code in sums.keys() - shown.keys())
    return shown, _rounded(others.total) if may_be_shown(others, together) else None


def may_be_shown(sums: Contributions, used: int) -> bool:
    """Whether a sum reveals neither few people nor the amount of one of them.

    Five must remain when the employer of most of them, or one person, subtracts what it knows (minimum frequency); and
    the two largest amounts taken away, at least P percent of the largest must remain (p% rule).
    """
    known = max(1, max(sums.by_employer.values(), default=0))
    rest = sums.absolute - sum(sums.largest)
    return used >= LEAST_USED and sums.cards - known >= LEAST_CONTRIBUTORS and 100 * rest >= P_PERCENT * sums.largest[0]


def _rounded(amount: int) -> int:
    """To the nearest 1,000 kr."""
    return (amount + AMOUNT_BASE // 2) // AMOUNT_BASE * AMOUNT_BASE


def months_to_publish(first: str | None, published: Iterable[str], last_complete: str) -> Iterator[str]:
    """The months from the first card to the last complete month that come after all published ones."""
    latest = max(published, default=None)
    month = first if latest is None else next_month(latest)
    while month is not None and month <= last_complete:
        yield month
        month = next_month(month)
