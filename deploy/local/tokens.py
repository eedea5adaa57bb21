"""Access tokens as RFC 9068 has them, signed with ES256."""

from __future__ import annotations

import time
import uuid

from joserfc import jwt
from joserfc.jwk import ECKey

from deploy.local.people import Person

ALGORITHM = "ES256"
AUDIENCE = "frikort-api"
SCOPE = "frikort"
LIFETIME_SECONDS = 3600


def issue(
    key: ECKey, person: Person, *, issuer: str, audience: str = AUDIENCE, expires_in: int = LIFETIME_SECONDS
) -> str:
    """A signed token for `person`.

    `expires_in` is in seconds from now; a negative one gives a token that expired so long ago.
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
    return jwt.encode({"alg": ALGORITHM, "typ": "at+jwt", "kid": key.kid}, claims, key)
