"""A signed-in person's session, as the pages see it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from frikort_contracts.http.roles import Role

from services.portals.login.oidc import ApiTokens


@dataclass(frozen=True)
class Session:
    """A signed-in person.

    Attributes:
        key: of the session's record; not the cookie.
        organisation: CVR number, municipality code or authority; empty for a citizen.
        organisation_name: of an employer's business; empty if it is not known.
        name: shown to the person alone, and never logged.
        form_token: must be in every form of this session.
        ends_at: when the session ends if the person makes no further request.
        signatory: whether an employer's person may sign for the business.
        subject: the OpenID provider's name of the person.
        tokens: for the API; never sent to the browser.
        encrypted_tokens: the same as stored, by which a refresh recognises that another one came first.
    """

    key: str
    role: Role
    organisation: str
    name: str
    form_token: str
    ends_at: datetime
    tokens: ApiTokens = field(repr=False)
    encrypted_tokens: str = field(repr=False)
    signatory: bool = False
    subject: str = field(default="", repr=False)
    organisation_name: str = ""
