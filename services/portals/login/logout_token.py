"""The logout token of OpenID Connect Back-Channel Logout 1.0: which claims it must have.

The signature is verified before (``oidc.py``), and a repetition is found after (``back_channel_logout.py``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Annotated, Any, Final

from pydantic import BaseModel, Field, ValidationError

EVENT: Final = "http://schemas.openid.net/event/backchannel-logout"
_LEEWAY_SECONDS: Final = 30
_TYPES: Final = frozenset({"logout+jwt", "application/logout+jwt"})

Name = Annotated[str, Field(min_length=1, max_length=255)]


class InvalidLogoutToken(Exception):
    """The token ends no session. ``reason`` names the claim or check that failed, never a value."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True)
class LogoutToken:
    """Which sessions end: those of ``subject``, or of ``provider_session``, or that are of both."""

    jti: str
    expires_at: datetime
    subject: str | None = field(repr=False)
    provider_session: str | None = field(repr=False)


class _Claims(BaseModel):
    iss: Name
    aud: Name | list[Name]
    iat: float
    exp: float = Field(lt=1e11)
    jti: Name
    sub: Name | None = None
    sid: Name | None = None
    events: dict[str, Any]


def logout_token(
    header: Mapping[str, Any], claims: Mapping[str, Any], *, issuer: str, client_id: str, now: datetime
) -> LogoutToken:
    """The logout token with these verified claims (section 2.6). Raises ``InvalidLogoutToken``."""
    try:
        given = _Claims.model_validate(claims)
    except ValidationError as error:
        raise InvalidLogoutToken(str(error.errors()[0]["loc"][0])) from None
    seconds = now.timestamp()
    audiences = given.aud if isinstance(given.aud, list) else [given.aud]
    wrong = {
        "typ": str(header.get("typ") or "").lower() not in _TYPES,
        "iss": given.iss != issuer,
        "aud": client_id not in audiences,
        "iat": not given.iat <= seconds + _LEEWAY_SECONDS,
        "exp": not seconds - _LEEWAY_SECONDS < given.exp,
        "sub": given.sub is None and given.sid is None,
        "events": not isinstance(given.events.get(EVENT), dict),
        "nonce": "nonce" in claims,
    }
    for name, fails in wrong.items():
        if fails:
            raise InvalidLogoutToken(name)
    return LogoutToken(given.jti, datetime.fromtimestamp(given.exp, UTC), given.sub, given.sid)
