"""How the audit log is signed and checked. Pure.

The entries of one process are a chain. A checkpoint names the digest of each new entry and of the checkpoint before, is
signed, and is published on a topic. So someone who can change the database, or the topic, but does not have the key,
cannot change what is signed without being found (Schneier and Kelsey, "Secure Audit Logs to Support Computer
Forensics", 1999).
"""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, Final, Literal, NamedTuple, TypeVar

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from frikort_contracts.audit_log import Checkpoint, Expiry, SignedEntry
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey
from joserfc.jws import JWSRegistry
from pydantic import BaseModel, ValidationError
from pydantic_core import to_json

from services.gateway.retention.periods import FILES
from services.runtime.encryption import read_keys

PLACE: Final = ("chain", "number")
"""The fields of an entry that say where it is in which chain."""

_P = TypeVar("_P", bound=BaseModel)

_ALGORITHM: Final = "Ed25519"
# joserfc reads 128,000 bytes by default. Checkpoints from before 2026-12-01 have up to 2,000 entries and can be larger;
# no record of the broker is larger than this.
_REGISTRY: Final = JWSRegistry(algorithms=[_ALGORITHM])
_REGISTRY.max_payload_length = 1024 * 1024
_REMEMBERED: Final = 100
_SIGNED_WITHIN: Final = FILES + timedelta(days=30)
"""The longest time from that of an entry to its checkpoint.

The entry of an extract has the time at which it was made, and is written when a file is downloaded. The broker may not
answer for some days.
"""


class SigningKey:
    """The Ed25519 key that signs checkpoints and evidence. Its public half, ``public``, is enough to check them."""

    def __init__(self, seed: bytes) -> None:
        """From the 32 bytes of the private key."""
        self._key = OKPKey.import_key(Ed25519PrivateKey.from_private_bytes(seed))
        self._id = self._key.thumbprint()

    @property
    def public(self) -> dict[str, Any]:
        """The public key as a JWK (RFC 8037)."""
        return {**self._key.as_dict(private=False), "kid": self._id}

    def sign(self, payload: BaseModel) -> str:
        """The payload as a JWS in compact form. The same payload gives the same text."""
        header = {"alg": _ALGORITHM, "kid": self._id}
        return jws.serialize_compact(header, payload.model_dump_json(), self._key, algorithms=[_ALGORITHM])


def signing_keys(text: str, setting: str) -> list[SigningKey]:
    """The keys in ``text``: ``<key id>:<base64 of 32 bytes>``, comma separated. The first signs, all may have signed.

    Raises ``ValueError`` that names the setting.
    """
    return [SigningKey(seed) for seed in read_keys(text, setting).values()]


class VerificationKeys:
    """The public keys that checkpoints can be signed with."""

    def __init__(self, keys: Sequence[Mapping[str, Any]]) -> None:
        """From public keys as JWKs."""
        imported = [OKPKey.import_key(dict(key)) for key in keys]
        self._keys = {key.thumbprint(): key for key in imported}

    def read(self, text: str) -> Checkpoint | None:
        """The checkpoint in a JWS; None unless one of the keys has signed it."""
        return self._read(text, Checkpoint)

    def read_expiry(self, text: str) -> Expiry | None:
        """The expiry in a JWS; None unless one of the keys has signed it."""
        return self._read(text, Expiry)

    def _read(self, text: str, kind: type[_P]) -> _P | None:
        try:
            key = self._keys.get(jws.extract_compact(text.encode(), registry=_REGISTRY).headers().get("kid", ""))
            if key is None:
                return None
            return kind.model_validate_json(jws.deserialize_compact(text, key, registry=_REGISTRY).payload)
        except (JoseError, ValidationError, ValueError):
            return None


def digest_of(stored: Mapping[str, Any]) -> str:
    """The digest of an entry as it is stored, without its place: of its JSON with sorted names."""
    return _digest(to_json({name: stored[name] for name in sorted(stored) if name not in PLACE}))


def digest_of_text(text: str) -> str:
    """The SHA-256 of a text, base64url without padding."""
    return _digest(text.encode())


def _digest(data: bytes) -> str:
    return urlsafe_b64encode(sha256(data).digest()).decode().rstrip("=")


def next_checkpoint(chain: str, sequence: int, previous: str | None, stored: Sequence[Mapping[str, Any]]) -> Checkpoint:
    """The checkpoint of entries, after the checkpoint with the text ``previous``."""
    return Checkpoint(
        chain=chain,
        sequence=sequence,
        previous=None if previous is None else digest_of_text(previous),
        entries=tuple(SignedEntry(number=entry["number"], digest=digest_of(entry)) for entry in stored),
    )


class Finding(NamedTuple):
    """A difference between the log and its checkpoints. ``number`` is the entry's in its chain; 0: a checkpoint."""

    what: Literal[
        "altered",
        "removed",
        "reordered",
        "added",
        "not signed",
        "checkpoint missing",
        "checkpoint not signed",
        "checkpoint altered",
        "expiry not signed",
        "expired too early",
    ]
    chain: str
    number: int
    order: str = ""

    def __str__(self) -> str:
        entry = f"entry {self.number} of chain {self.chain}" if self.number else f"chain {self.chain}"
        return f"{self.what}: {entry}" + (f", {self.order}" if self.order else "")


@dataclass
class CheckpointReader:
    """Reads the checkpoints of all chains in the order of the topic, and checks how each follows the one before."""

    keys: VerificationKeys
    findings: list[Finding] = field(default_factory=list)
    signed: dict[str, int] = field(default_factory=dict)
    """The number of the last signed entry of each chain."""
    expired: dict[str, int] = field(default_factory=dict)
    """The number up to which the entries of each chain may be missing. Read all expiries before the checkpoints."""
    removed: int = 0
    """How many expired entries are missing."""
    starts_at: datetime | None = None
    """From when on nothing may be missing: the latest of the moments before which entries have expired."""
    _recent: dict[str, deque[tuple[int, str]]] = field(default_factory=dict)
    """The numbers and digests of the newest checkpoints of each chain."""

    def read(self, chain: str, text: str) -> Checkpoint | None:
        """The next checkpoint; None if it is repeated, or if no entry can be checked by it."""
        checkpoint = self.keys.read(text)
        if checkpoint is None or checkpoint.chain != chain:
            self.findings.append(Finding("checkpoint not signed", chain, 0))
            return None
        recent = self._recent.setdefault(chain, deque([(0, "")], maxlen=_REMEMBERED))
        sequence, previous = recent[-1]
        if (checkpoint.sequence, digest_of_text(text)) in recent:
            return None  # published again after a crash
        if checkpoint.sequence > sequence + 1:
            self.findings.append(Finding("checkpoint missing", chain, 0))
        elif checkpoint.sequence <= sequence or checkpoint.previous != (previous or None):
            self.findings.append(Finding("checkpoint altered", chain, 0))
            return None
        recent.append((checkpoint.sequence, digest_of_text(text)))
        return checkpoint

    def read_expiry(self, chain: str, text: str, *, at: datetime, now: datetime, kept: timedelta) -> None:
        """The next expiry, from ``at``. It counts only for entries from ``kept`` before now, and before ``at``."""
        expiry = self.keys.read_expiry(text)
        if expiry is None or expiry.chain != chain:
            self.findings.append(Finding("expiry not signed", chain, 0))
        elif expiry.before > min(at, now) - kept:
            self.findings.append(Finding("expired too early", chain, expiry.through))
        else:
            self.expired[chain] = max(expiry.through, self.expired.get(chain, 0))
            self.starts_at = max(filter(None, (self.starts_at, expiry.before)))

    def check(self, checkpoint: Checkpoint, stored: Mapping[int, Mapping[str, Any]], *, at: datetime) -> None:
        """Compare a checkpoint from ``at`` with ``stored``: its entries after the checkpoint before, by number."""
        expired = self.expired.get(checkpoint.chain, 0)
        for finding in _differences(checkpoint, stored):
            if finding.what != "removed" or finding.number > expired:
                self.findings.append(finding)
            elif self.starts_at is None or at > self.starts_at + _SIGNED_WITHIN:
                self.findings.append(finding._replace(what="expired too early"))
            else:
                self.removed += 1
        self.signed[checkpoint.chain] = checkpoint.entries[-1].number


def _differences(checkpoint: Checkpoint, stored: Mapping[int, Mapping[str, Any]]) -> Iterator[Finding]:
    signed = {entry.number: entry.digest for entry in checkpoint.entries}
    for number in sorted(signed.keys() | stored.keys()):
        entry = stored.get(number)
        if entry is None:
            yield Finding("removed", checkpoint.chain, number)
        elif number not in signed:
            yield Finding("added", checkpoint.chain, number, str(entry["_id"]))
        elif (digest := digest_of(entry)) != signed[number]:
            what: Literal["reordered", "altered"] = "reordered" if digest in signed.values() else "altered"
            yield Finding(what, checkpoint.chain, number, str(entry["_id"]))
