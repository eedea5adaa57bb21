"""The log of accesses to the citizen's data. Citizens without a card have one too: a search is an access."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Annotated, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Query
from frikort_contracts.http.audit import AccessPage, AccessResource
from starlette.responses import Response

from services.portals.page import CitizenPage
from services.portals.texts import N_

router = APIRouter(prefix="/hvem-har-set")

_ON_A_PAGE: Final = 50
PURPOSES: Final = {
    "caseworker": N_("Kommunens arbejde med frikortet"),
    "employer": N_("Indberetning af løn"),
    "citizen": N_("Borgerens egen brug af frikortet"),
    "authority": N_("Opgaver, som myndigheden har efter loven"),
}
"""Why a role uses the data, for accesses without a stated reason."""


@router.get("")
async def accesses(
    page: CitizenPage, mine: bool = False, cursor: Annotated[str | None, Query(max_length=400)] = None
) -> Response:
    """A page of the list, newest first. ``mine``: also what the person looked at."""
    found = await page.api.get("/v1/me/accesses", AccessPage, own=mine, limit=_ON_A_PAGE, cursor=cursor)
    return page.render(
        "citizen/accesses.html",
        accesses=grouped(found.accesses),
        purposes=PURPOSES,
        mine=mine,
        first=_address(mine=mine) if cursor else None,
        following=_address(mine=mine, cursor=found.next) if found.next else None,
    )


@dataclass(frozen=True)
class Access:
    """What somebody did in a minute, for one reason: a page asks for several things at once."""

    at: datetime
    by: str
    role: str
    reason: str | None
    what: tuple[str, ...]


def grouped(accesses: Iterable[AccessResource]) -> list[Access]:
    """The lines of the log, those of one visit together; each thing once."""

    def visit(line: AccessResource) -> tuple[datetime, str, str, str | None]:
        return line.at.replace(second=0, microsecond=0), line.by, line.role, line.reason

    return [
        Access(minute, by, role, reason, tuple(dict.fromkeys(line.description for line in lines)))
        for (minute, by, role, reason), lines in groupby(accesses, visit)
    ]


def _address(*, mine: bool, cursor: str | None = None) -> str:
    query = {"mine": "true"} if mine else {}
    if cursor is not None:
        query["cursor"] = cursor
    return f"/borger/hvem-har-set?{urlencode(query)}" if query else "/borger/hvem-har-set"
