"""Settings and keys of the portals for tests. No address in them is in use."""

from __future__ import annotations

import json
from base64 import b64encode
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, Final

from joserfc.jwk import ECKey
from pydantic import SecretStr

from services.portals.login.sessions import SessionKeys
from services.portals.settings import PortalsSettings

PUBLIC_URL: Final = "https://frikort.test"
ISSUER: Final = "https://issuer.test"
SESSION_KEYS: Final = "test:" + b64encode(b"s" * 32).decode()


@cache
def client_key() -> Path:
    """The path of a file with a private key of the portals."""
    path = Path(mkdtemp(prefix="frikort-test-")) / "client.json"
    path.write_text(json.dumps(ECKey.generate_key("P-256", {"kid": "portal"}).as_dict(private=True)))
    return path


def session_keys() -> SessionKeys:
    return SessionKeys.from_setting(SESSION_KEYS)


def settings(**changes: Any) -> PortalsSettings:
    """Settings that reach neither MongoDB nor the API nor an OpenID provider."""
    given: dict[str, Any] = {
        "environment": "local",
        "mongodb": "mongodb://127.0.0.1:1/?replicaSet=rs0",
        "session_keys": SecretStr(SESSION_KEYS),
        "public_url": PUBLIC_URL,
        "gateway_url": "http://gateway.test",
        "issuer": ISSUER,
        "login_client_key": client_key(),
    }
    return PortalsSettings(**given | changes)
