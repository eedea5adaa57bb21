"""The OpenID provider of a local system: npm's `oidc-provider` with the people of people.toml (`openid/`).

`python -m deploy.local.provider <directory> <public address>` draws the keys and writes what it reads, for
docker-compose.yml.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from deploy.local import keys, node, people
from deploy.local.keys import PORTAL, Keys
from deploy.local.people import Person
from deploy.local.progress import Progress

SOURCES = Path(__file__).parent / "openid"
AUDIENCE = "frikort-api"
SCOPE = "frikort"
CALLBACK = "/login/callback"
CAST = "cast.json"


def cast(everyone: Iterable[Person], held: Keys, public_url: str) -> dict[str, Any]:
    """What the provider reads: the portal at `public_url`, who has a token, who may log on, and as whom."""
    known = list(everyone)
    return {
        "audience": AUDIENCE,
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
            for person in known
        ],
        "people": [
            person.model_dump(include={"id", "role", "name", "about", "om"}) | {"claims": person.identity()}
            for person in known
            if not person.program
        ],
    }


def write_cast(directory: Path, held: Keys, known: Mapping[str, Person], public_url: str) -> Path:
    """Write what the provider reads into `directory`."""
    path = directory / CAST
    path.touch(mode=0o600)
    path.write_text(json.dumps(cast(known.values(), held, public_url), ensure_ascii=False))
    return path


def install(cache: Path, directory: Path, progress: Progress) -> list[str]:
    """Lay the provider out in `directory`, beside the packages that it needs. Returns the command that runs it.

    Raises:
        LauncherError: Node.js or the packages could not be fetched.
    """
    packages = node.packages(cache, SOURCES, progress)
    shutil.rmtree(directory, ignore_errors=True)
    shutil.copytree(SOURCES, directory)
    (directory / "node_modules").symlink_to(packages)
    return [str(node.fetch(cache, progress)), str(directory / "provider.mjs")]


def _public(path: Path) -> dict[str, Any]:
    return {"keys": [keys.signing_key(path).as_dict(private=False)]}


if __name__ == "__main__":
    _directory = Path(sys.argv[1])
    write_cast(_directory, keys.load_or_create(_directory), people.load(), sys.argv[2])
