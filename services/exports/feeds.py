"""What each authority may see of a card's year: the one place where that is written down.

The feeds carry these events; an extract holds the same ones, so that a feed and an extract cannot disagree.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from frikort_contracts.extracts import (
    Authority,
    EmployerLine,
    FollowUpStatementUpdated,
    Statement,
    TaxStatementUpdated,
)


@dataclass(frozen=True, slots=True)
class Figures:
    """A card's year as it was last told, in øre; ``revision`` is that of the telling."""

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


Facts = Mapping[str, Any]
"""A statement as a JSON value, its fields in the order of the contract."""


def facts_for(authority: Authority, card_id: str, cpr: str, figures: Facts) -> Facts:
    """What ``authority`` may know of ``figures`` (as stored); ``cpr`` is the JWE that only the tax agency
    can open.

    Plain values and no models: an extract has a million of them, and each was checked when it was told.
    """
    disputed = figures.get("disputed_employers", ())
    facts = {
        "card_id": card_id,
        "revision": figures["revision"],
        "year": figures["year"],
        "municipality": figures["municipality"],
        "provisional": figures["provisional"],
        "allowance": figures["allowance"],
        "reported": figures["reported"],
        "exempt": figures["exempt"],
        "excess": figures["excess"],
        "reports": figures["reports"],
        "disputed": bool(disputed),
    }
    match authority:
        case Authority.SKAT:
            facts["cpr"] = cpr
            facts["employers"] = figures["employers"]
            facts["disputed_employers"] = disputed
        case Authority.STAR:
            pass
    return facts


def statement_for(authority: Authority, card_id: str, cpr: str, figures: Figures) -> Statement:
    """The statement for ``authority``."""
    facts = facts_for(authority, card_id, cpr, {name: getattr(figures, name) for name in Figures.__slots__})
    match authority:
        case Authority.SKAT:
            return TaxStatementUpdated.model_validate(facts)
        case Authority.STAR:
            return FollowUpStatementUpdated.model_validate(facts)
