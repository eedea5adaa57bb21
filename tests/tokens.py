"""Access tokens as the OpenID provider makes them (RFC 9068, ES256), for people whom it does not know, and wrong ones.

They are signed with the provider's own key; ``tests/deploy/test_provider.py`` holds them against the provider's.
"""

from __future__ import annotations

import time
import uuid

from joserfc import jwt
from joserfc.jwk import ECKey

from deploy.local.cast import AUDIENCE, SCOPE
from deploy.local.people import Person

ALGORITHM = "ES256"
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
