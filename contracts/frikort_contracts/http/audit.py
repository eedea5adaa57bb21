"""The audit log as a person reads it."""

from __future__ import annotations

from datetime import datetime
from typing import Final, Literal

from pydantic import Field

from frikort_contracts.http.common import Resource
from frikort_contracts.rules.reading import plain_text
from frikort_contracts.values import check_no_cpr

_SHORTEST_REASON: Final = 3
_LONGEST_REASON: Final = 200


class AccessResource(Resource):
    """One access to a person's data: a read or a change. ``by`` followed by ``description`` is a readable sentence."""

    at: datetime
    by: str = Field(description="Organisation and role, such as `Københavns Kommune, sagsbehandler`.")
    role: Literal["caseworker", "employer", "citizen", "authority"] = Field(description="The role of the caller.")
    own: bool = Field(description="It was the person.")
    action: str = Field(description="What was done, as a code.")
    kind: Literal["search", "read", "change", "extract"] = Field(description="The kind of access.")
    description: str = Field(description="What was done, in the caller's language, such as `har set dit frikort`.")
    refused: bool = Field(description="Nothing was shown or changed.")
    reason: str | None = Field(description="Why, as a caseworker stated it.")
    correlation_id: str = Field(description="The correlation id of the request.")


class AccessPage(Resource):
    """A page of the audit log of one person, newest first."""

    accesses: list[AccessResource]
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
