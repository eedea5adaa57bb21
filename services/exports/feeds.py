"""What each authority may see of a card's year. No other module decides that.

The feeds carry these events and an extract holds the same fields, so a feed and an extract cannot disagree.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from frikort_contracts.extract_files import ExtractKind
from frikort_contracts.extracts import (
    Authority,
    EmployerLine,
    FollowUpStatementUpdated,
    Statement,
    TaxStatementUpdated,
)


@dataclass(frozen=True, slots=True)
class StatementData:
    """The content of a year's latest statement, amounts in øre. ``revision`` is that of the statement."""

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


StatementFields = Mapping[str, Any]
"""A statement as a JSON object, its fields in the order of the contract."""
ShowFields = Callable[[Authority, str, str | None, StatementFields], StatementFields]
"""``statement_fields`` or ``month_fields``."""


def statement_event(authority: Authority, card_id: str, cpr: str | None, data: StatementData) -> Statement:
    """The statement for ``authority``. ``cpr`` is the JWE that only the tax agency can decrypt; None if erased."""
    match authority:
        case Authority.SKAT:
            return TaxStatementUpdated(
                card_id=card_id,
                revision=data.revision,
                year=data.year,
                municipality=data.municipality,
                provisional=data.provisional,
                allowance=data.allowance,
                reported=data.reported,
                exempt=data.exempt,
                excess=data.excess,
                reports=data.reports,
                disputed=bool(data.disputed_employers),
                cpr=cpr,
                employers=data.employers,
                disputed_employers=data.disputed_employers,
            )
        case Authority.STAR:
            return FollowUpStatementUpdated(
                card_id=card_id,
                revision=data.revision,
                year=data.year,
                municipality=data.municipality,
                provisional=data.provisional,
                allowance=data.allowance,
                reported=data.reported,
                exempt=data.exempt,
                excess=data.excess,
                reports=data.reports,
                disputed=bool(data.disputed_employers),
            )


def statement_fields(authority: Authority, card_id: str, cpr: str | None, stored: StatementFields) -> StatementFields:
    """The fields of the same statement, from a stored ``StatementData``.

    No model is built: an extract has a million statements, and each was validated when it was published.
    """
    fields = {
        "card_id": card_id,
        "revision": stored["revision"],
        "year": stored["year"],
        "municipality": stored["municipality"],
        "provisional": stored["provisional"],
        "allowance": stored["allowance"],
        "reported": stored["reported"],
        "exempt": stored["exempt"],
        "excess": stored["excess"],
        "reports": stored["reports"],
        "disputed": bool(stored["disputed_employers"]),
    }
    return _identified(authority, fields, cpr, stored)


def month_fields(authority: Authority, card_id: str, cpr: str | None, month: StatementFields) -> StatementFields:
    """The fields of a month of a card (``frikort_contracts.extract_objects``), as ``authority`` may see it."""
    fields = {
        "card_id": card_id,
        "month": month["month"],
        "municipality": month["municipality"],
        "provisional": month["provisional"],
        "reported": month["reported"],
        "exempt": month["exempt"],
        "excess": month["excess"],
        "reports": month["reports"],
        "disputed": bool(month["disputed_employers"]),
    }
    return _identified(authority, fields, cpr, month)


def requester_fields(
    kind: ExtractKind, show: ShowFields, card_id: str, cpr: str | None, stored: StatementFields
) -> StatementFields:
    """A stored statement or month as the requester of this kind may see it."""
    match kind:
        case ExtractKind.TAX_YEAR:
            return show(Authority.SKAT, card_id, cpr, stored)
        case ExtractKind.CITIZEN:
            fields = show(Authority.SKAT, card_id, cpr, stored)
            return {name: value for name, value in fields.items() if name != "cpr"}
        case ExtractKind.FOLLOW_UP | ExtractKind.MUNICIPALITY:
            return show(Authority.STAR, card_id, None, stored)
        case ExtractKind.STATISTICS | ExtractKind.EMPLOYER:
            raise ValueError(f"{kind.value} is not made of statements")


def _identified(
    authority: Authority, fields: dict[str, Any], cpr: str | None, stored: StatementFields
) -> StatementFields:
    match authority:
        case Authority.SKAT:
            fields["cpr"] = cpr
            fields["employers"] = stored["employers"]
            fields["disputed_employers"] = stored["disputed_employers"]
        case Authority.STAR:
            pass
    return fields
