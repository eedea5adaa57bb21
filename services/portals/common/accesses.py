"""The audit log as visits: a page asks for several things at once, and a person reads several pages in a row.

A change keeps a line and a time of its own.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from frikort_contracts.http.audit import AccessResource

from services.portals.texts import N_

PURPOSES: Final = {
    "caseworker": N_("Kommunens arbejde med frikortet"),
    "employer": N_("Indberetning af løn"),
    "citizen": N_("Borgerens egen brug af frikortet"),
    "authority": N_("Opgaver, som myndigheden har efter loven"),
    "auditor": N_("Kontrol af, hvem der ser oplysningerne"),
}
"""Why a role uses the data, for accesses without a stated reason."""
_READS: Final = frozenset({"read", "search"})
_PAUSE: Final = timedelta(minutes=30)  # a longer one begins a new visit


@dataclass(frozen=True)
class Visit:
    """What one reader did in a row for one reason, from ``first`` to ``last``; each thing once, newest first."""

    first: datetime
    last: datetime
    by: str
    role: str
    reason: str | None
    reads: bool
    what: tuple[str, ...]

    @property
    def minutes(self) -> int:
        """The minutes that the visit took."""
        return int((self.last - self.first).total_seconds() // 60)


def visits(accesses: Iterable[AccessResource]) -> list[Visit]:
    """The lines of the log (newest first), those of one visit together."""
    found: list[Visit] = []
    for line in accesses:
        begun = found[-1] if found else None
        if begun is not None and _continues(begun, line):
            found[-1] = replace(begun, first=line.at, what=tuple(dict.fromkeys((*begun.what, line.description))))
        else:
            reads = line.kind in _READS
            found.append(Visit(line.at, line.at, line.by, line.role, line.reason, reads, (line.description,)))
    return found


def _continues(visit: Visit, line: AccessResource) -> bool:
    same = (visit.by, visit.role, visit.reason) == (line.by, line.role, line.reason)
    return same and visit.reads and line.kind in _READS and visit.first - line.at <= _PAUSE
