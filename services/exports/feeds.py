"""What each authority may see of a card's year: the one place where that is written down.

The feeds carry these events; an extract holds the same ones, so that a feed and an extract cannot disagree.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from contracts.extracts import (
    Authority,
    EmployerLine,
    FollowUpStatementUpdated,
    Statement,
    TaxStatementUpdated,
)


class Figures(BaseModel):
    """A card's year as it was last told, in øre; ``revision`` is that of the telling."""

    model_config = ConfigDict(frozen=True)

    revision: int
    year: int
    municipality: str
    provisional: bool
    allowance: int
    reported: int
    exempt: int
    excess: int
    reports: int
    employers: tuple[EmployerLine, ...]
    disputed_employers: tuple[str, ...] = ()


def statement_for(authority: Authority, card_id: str, cpr: str, figures: Figures) -> Statement:
    """The statement for ``authority``; ``cpr`` is the JWE that only the tax agency can open."""
    facts = figures.model_dump() | {"disputed": bool(figures.disputed_employers)}
    match authority:
        case Authority.SKAT:
            return TaxStatementUpdated(card_id=card_id, cpr=cpr, **facts)
        case Authority.STAR:
            del facts["employers"], facts["disputed_employers"]
            return FollowUpStatementUpdated(card_id=card_id, **facts)
