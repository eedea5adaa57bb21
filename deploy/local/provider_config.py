"""The configuration of the local OpenID provider: the portals, the programs, and the people who can log in.

`python -m deploy.local.provider_config <keys> <credentials> <public address>` prepares two directories for
docker-compose.yml: one with the keys and the configuration, one with the passwords of the engines' users.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from deploy.local import keys, mongodb_users, people
from deploy.local.keys import PORTAL, Keys
from deploy.local.people import Person

AUDIENCE = "frikort-api"
SCOPE = "frikort"
PERSON_TOKEN_SECONDS = 60
"""How long the access token of a person in a portal is valid: a role that is withdrawn ends with it."""
CALLBACK = "/login/callback"
BACK_CHANNEL_LOGOUT = "/login/backchannel-logout"
FILE = "provider.json"


def write(directory: Path, held: Keys, known: Mapping[str, Person], public_url: str) -> Path:
    """Write the configuration into `directory`, for the portals at `public_url`. Returns its path."""
    path = directory / FILE
    path.touch(mode=0o600)
    path.write_text(json.dumps(_config(known.values(), held, public_url), ensure_ascii=False))
    return path


def _config(known: Iterable[Person], held: Keys, public_url: str) -> dict[str, Any]:
    everyone = list(known)
    return {
        "audience": AUDIENCE,
        "tokenSeconds": PERSON_TOKEN_SECONDS,
        "scope": SCOPE,
        "portal": {
            "client_id": PORTAL,
            "redirect_uris": [public_url + CALLBACK],
            "post_logout_redirect_uris": [f"{public_url}/"],
            "backchannel_logout_uri": public_url + BACK_CHANNEL_LOGOUT,
            "backchannel_logout_session_required": True,
            "token_endpoint_auth_method": "private_key_jwt",
            "token_endpoint_auth_signing_alg": "ES256",
            "jwks": _public(held.portal_key),
        },
        "programs": [
            {"client_id": person.id, "claims": person.claims()}
            | ({"jwks": _public(held.client_keys[person.id])} if person.keyed else {"client_secret": person.secret})
            for person in everyone
        ],
        "people": [
            person.model_dump(include={"id", "role", "name", "about", "om"})
            | {"claims": person.identity(), "roles": person.claims_by_role()}
            for person in everyone
            if not person.program
        ],
    }


def _public(path: Path) -> dict[str, Any]:
    return {"keys": [keys.signing_key(path).as_dict(private=False)]}


if __name__ == "__main__":
    _directory, _credentials, _public_url = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
    mongodb_users.load_or_create(_credentials)
    write(_directory, keys.load_or_create(_directory), people.load(), _public_url)
