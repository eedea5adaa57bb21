"""The configuration of the local OpenID provider: the portals, the programs, and the people who can log in.

`python -m deploy.local.provider_config <directory> <public address>` creates the keys and writes the configuration, for
docker-compose.yml.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from deploy.local import keys, people
from deploy.local.keys import PORTAL, Keys
from deploy.local.people import Person

AUDIENCE = "frikort-api"
SCOPE = "frikort"
PERSON_TOKEN_SECONDS = 300
"""How long the access token of a person in a portal is valid; the portals refresh it before that."""
CALLBACK = "/login/callback"
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
    _directory = Path(sys.argv[1])
    write(_directory, keys.load_or_create(_directory), people.load(), sys.argv[2])
