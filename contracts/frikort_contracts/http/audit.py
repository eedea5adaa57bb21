"""The audit log as a person reads it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Final, Literal

from pydantic import Field, StringConstraints

from frikort_contracts.http.common import Body, Day, Resource, example
from frikort_contracts.rules.reading import plain_text
from frikort_contracts.values import CardNumber, Cpr, check_no_cpr

_SHORTEST_REASON: Final = 3
_LONGEST_REASON: Final = 200


CallerRole = Literal["caseworker", "employer", "citizen", "authority", "auditor"]


class AccessResource(Resource):
    """One access to a person's data: a read or a change. ``by`` followed by ``description`` is a readable sentence."""

    at: datetime
    by: str = Field(description="Organisation and role, such as `Københavns Kommune, sagsbehandler`.")
    role: CallerRole = Field(description="The role of the caller.")
    own: bool = Field(description="It was the person.")
    action: str = Field(description="What was done, as a code.")
    kind: Literal["search", "read", "change", "extract"] = Field(description="The kind of access.")
    description: str = Field(description="What was done, in the caller's language, such as `har set dit frikort`.")
    refused: bool = Field(description="Nothing was shown or changed.")
    attempted: bool = Field(description="Something was about to be changed, and whether it was is not known.")
    reason: str | None = Field(description="Why, as a caseworker stated it.")
    correlation_id: str = Field(description="The correlation id of the request.")


class AccessPage(Resource):
    """A page of the audit log of one person, newest first."""

    accesses: list[AccessResource]
    next: str | None = Field(description="The cursor of the next page; null on the last.")


class AuditSearchBody(Body):
    """The entries of the audit log for which everything holds that is given. Days are Danish, and both are included."""

    model_config = example(cpr="730185-4321", first="2025-01-01", last="2026-12-31")

    cpr: Cpr | None = Field(default=None, description="Whose data was read or changed.")
    card_number: CardNumber | None = Field(default=None, description="The card's number, now or before.")
    card_id: Annotated[str, StringConstraints(max_length=64)] | None = None
    role: CallerRole | None = Field(default=None, description="The role of the caller.")
    organisation: Annotated[str, StringConstraints(max_length=64)] | None = Field(
        default=None, description="What the caller acted for: municipality code, CVR number, authority or auditor."
    )
    actor: Annotated[str, StringConstraints(max_length=128)] | None = Field(
        default=None, description="Who acted: the subject of the access token."
    )
    reason: Annotated[str, StringConstraints(max_length=200)] | None = Field(
        default=None, description="The purpose, exactly as it was stated."
    )
    first: Day | None = None
    last: Day | None = None


class AuditEntryResource(AccessResource):
    """One entry of the audit log, as an auditor reads it. It names no citizen and no employee."""

    organisation: str | None = Field(description="What the caller acted for; null for a citizen.")
    actor: str = Field(description="Who acted: the subject of the access token, an opaque id.")
    about: Literal["card", "person", "extract", "year", "number", "log"] = Field(
        description="Whose data: of the person with a card, of a person without one, of everyone in an extract or in "
        "the statements of a year, of a number that no card has, or of the audit log itself."
    )
    card_id: str | None = Field(description="The card, for an entry about one.")
    person: str | None = Field(description="A pseudonym of a person without a card; the same for the same person.")
    command_id: str | None = Field(description="The command that was attempted.")


class AuditEntries(Resource):
    """A page of the audit log, newest first."""

    entries: list[AuditEntryResource] = Field(description="The entries, newest first.")
    next: str | None = Field(description="The cursor of the next page; null on the last.")


def access_reason(header: str) -> str:
    """The reason in an `Access-Reason` header: 3 to 200 printable characters without a CPR number.

    Raises ``ValueError`` with a text that does not repeat the header.
    """
    try:
        # HTTP servers decode header bytes as Latin-1; clients send UTF-8.
        reason = header.encode("latin-1").decode()
    except UnicodeError:
        reason = header
    reason = " ".join(plain_text(reason).split())
    if not _SHORTEST_REASON <= len(reason) <= _LONGEST_REASON or not reason.isprintable():
        raise ValueError("not a reason of 3 to 200 characters")
    return check_no_cpr(reason)
