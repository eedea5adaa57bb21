"""Who may request which extract. Pure.

The caller's role and organisation decide about the kind and the card. A request chooses the year; an authority, which
may see the whole country, also a municipality, and statistics in place of statements.
"""

from __future__ import annotations

from typing import NamedTuple

from frikort_contracts.extract_files import KIND_OF, ExtractKind
from frikort_contracts.extracts import Authority
from frikort_contracts.http.extracts import ExtractBody, ExtractContent, OwnExtractBody
from frikort_contracts.http.roles import Role


class Requester(NamedTuple):
    """Who requests extracts and may read them: an authority, a municipality, an employer, or a citizen by the card."""

    role: Role
    organisation: str

    @property
    def text(self) -> str:
        """The stored form."""
        return f"{self.role.value}:{self.organisation}"

    @classmethod
    def of(cls, text: str) -> Requester:
        """The requester with this stored form."""
        role, _, organisation = text.partition(":")
        return cls(Role(role), organisation)


class Scope(NamedTuple):
    """What an extract contains."""

    kind: ExtractKind
    municipality: str | None = None
    cvr: str | None = None
    card_id: str | None = None


def scope_of(requester: Requester, body: ExtractBody | OwnExtractBody) -> Scope:
    """What a requester gets. Raises ``ValueError`` for a role without extracts."""
    match requester.role:
        case Role.AUTHORITY if isinstance(body, ExtractBody):
            if body.content is ExtractContent.STATISTICS:
                return Scope(ExtractKind.STATISTICS, body.municipality)
            return Scope(KIND_OF[Authority(requester.organisation)], body.municipality)
        case Role.CASEWORKER:
            return Scope(ExtractKind.MUNICIPALITY, requester.organisation)
        case Role.CITIZEN:
            return Scope(ExtractKind.CITIZEN, card_id=requester.organisation)
        case Role.EMPLOYER:
            return Scope(ExtractKind.EMPLOYER, cvr=requester.organisation)
        case _:
            raise ValueError(f"there are no extracts for the role {requester.role}")
