"""Access tokens like those of the OpenID provider (RFC 9068, ES256), for people it does not know, and invalid ones.

They are signed with the provider's own key; ``tests/deploy/test_provider.py`` compares them with the provider's.
"""

from __future__ import annotations

import time
import uuid

from joserfc import jwt
from joserfc.jwk import ECKey

from deploy.local.people import Person
from deploy.local.provider_config import AUDIENCE, SCOPE

ALGORITHM = "ES256"
LIFETIME_SECONDS = 3600


def falsified(text: str) -> str:
    """A text in base64 with another character. The last ones may stand for few bits, so it is an earlier one."""
    place = len(text) - 8
    return text[:place] + ("B" if text[place] == "A" else "A") + text[place + 1 :]


def issue(
    key: ECKey,
    person: Person,
    *,
    issuer: str,
    audience: str = AUDIENCE,
    expires_in: int = LIFETIME_SECONDS,
    logged_in: int = 0,
) -> str:
    """A signed token for `person`.

    `expires_in` is in seconds from now; a negative value gives an expired token. `logged_in` is in seconds before now.
    """
    now = int(time.time())
    expires = now + expires_in
    claims = {
        "iss": issuer,
        "aud": audience,
        "sub": person.id,
        "client_id": person.id,
        "iat": min(now, expires - 1),
        "exp": expires,
        "jti": str(uuid.uuid4()),
        "scope": SCOPE,
        **person.claims(),
    }
    if not person.program:
        claims["auth_time"] = now - logged_in
    return jwt.encode({"alg": ALGORITHM, "typ": "at+jwt", "kid": key.kid}, claims, key)
