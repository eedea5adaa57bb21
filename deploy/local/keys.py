"""Keys of a local system, created at random once and kept in its data directory."""

from __future__ import annotations

import base64
import json
import os
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from frikort_contracts.authorities import FEEDS
from frikort_contracts.person_keys import Purpose
from joserfc.jwk import ECKey

AUTHORITIES = tuple(dict.fromkeys(("skat", "star", *(feed.name for feed in FEEDS if feed.cpr))))
PORTAL = "frikort-portal"
CLIENTS = (PORTAL, "payroll-a")
"""The OAuth2 clients that authenticate with a key."""


@dataclass(frozen=True)
class Keys:
    """The keys of one local system, in the form of the services' settings."""

    encryption_keys: str
    """FRIKORT_ENCRYPTION_KEYS: `<key id>:<base64 of 32 bytes>`, comma separated; the first encrypts, all decrypt."""
    key_encryption_keys: Mapping[str, str]
    """FRIKORT_KEY_ENCRYPTION_KEYS_<PURPOSE> by purpose, in the form of FRIKORT_ENCRYPTION_KEYS."""
    lookup_key: str
    """FRIKORT_LOOKUP_KEY: base64 of 32 bytes."""
    session_keys: str
    """FRIKORT_SESSION_KEYS: the keys of the portals' sessions, in the form of FRIKORT_ENCRYPTION_KEYS."""
    audit_log_keys: str
    """FRIKORT_AUDIT_LOG_KEYS: the keys that sign the audit log, in the form of FRIKORT_ENCRYPTION_KEYS."""
    authority_keys: Path
    """FRIKORT_AUTHORITY_KEYS: a JSON file, authority -> public JWK (EC P-256, for ECDH-ES)."""
    authority_private_keys: Path
    """The private JWKs of the authorities, in the same form: for the demo and the tests."""
    provider_key: Path
    """FRIKORT_PROVIDER_KEY: a JSON file, the OpenID provider's private JWK (EC P-256, for ES256)."""
    client_keys: Mapping[str, Path]
    """By client of `CLIENTS`: a JSON file with its private JWK (EC P-256, for ES256)."""

    @property
    def portal_key(self) -> Path:
        """FRIKORT_LOGIN_CLIENT_KEY: the key with which the portals authenticate at the OpenID provider."""
        return self.client_keys[PORTAL]


def load_or_create(directory: Path) -> Keys:
    """The keys in `directory`; creates missing ones. Only the owner can read the files."""
    public, private = authority_keys(directory)
    provider = directory / "provider-key.json"
    client_keys = {client: directory / f"client-{client}.json" for client in CLIENTS}
    for path in (provider, *client_keys.values()):
        signing_key(path)
    return Keys(
        encryption_keys=kept(directory / "encryption-keys.txt", lambda: f"local-1:{_random_key()}"),
        key_encryption_keys={
            purpose.value: kept(directory / f"key-encryption-keys-{purpose}.txt", lambda: f"local-1:{_random_key()}")
            for purpose in Purpose
        },
        lookup_key=kept(directory / "lookup-key.txt", _random_key),
        session_keys=kept(directory / "session-keys.txt", lambda: f"local-1:{_random_key()}"),
        audit_log_keys=kept(directory / "audit-log-keys.txt", lambda: f"local-1:{_random_key()}"),
        authority_keys=public,
        authority_private_keys=private,
        provider_key=provider,
        client_keys=client_keys,
    )


def signing_key(path: Path) -> ECKey:
    """The private key in `path`; creates it if it is missing."""
    drawn = kept(path, lambda: json.dumps(_draw("sig", "ES256").as_dict(private=True)))
    return ECKey.import_key(json.loads(drawn))


def authority_keys(directory: Path) -> tuple[Path, Path]:
    """The files of the authorities' public and private keys in `directory`; creates missing ones."""
    public, private = directory / "authorities.public.json", directory / "authorities.private.json"

    drawn = json.loads(kept(private, lambda: "{}"))
    missing = [name for name in AUTHORITIES if name not in drawn]
    drawn |= {name: _draw("enc", "ECDH-ES").as_dict(private=True) for name in missing}
    keys = {name: ECKey.import_key(key) for name, key in drawn.items()}
    if missing:
        private.write_text(json.dumps(drawn))
        kept(public, lambda: "{}")
        public.write_text(json.dumps({name: key.as_dict(private=False) for name, key in keys.items()}))
    return public, private


def _draw(use: str, algorithm: str) -> ECKey:
    return ECKey.generate_key("P-256", {"use": use, "alg": algorithm}, auto_kid=True)


def _random_key() -> str:
    return base64.b64encode(secrets.token_bytes(32)).decode()


def kept(path: Path, draw: Callable[[], str]) -> str:
    """The text of the file `path`, which is created, for its owner only, if it is missing."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text()
    with os.fdopen(descriptor, "w") as file:
        file.write(drawn := draw())
    return drawn
