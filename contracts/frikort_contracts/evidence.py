"""Evidence: signed statements about accepted reports and completed extracts, and how they are anchored.

A statement is a leaf of a Merkle tree (RFC 9162, section 2.1). The root of each tree is signed and published on
``frikort.evidence.v1``, chained to the root before. An evidence file holds one statement, its path to the root, and the
signed root. The path reveals nothing about other statements: each has an id that cannot be guessed, so no digest can.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from datetime import date, datetime
from hashlib import sha256
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from frikort_contracts.audit_log import Digest
from frikort_contracts.extract_files import ExtractKind, OnePeriod, StoredFile
from frikort_contracts.extracts import Authority, ExtractFile, Position
from frikort_contracts.messages import Event
from frikort_contracts.values import Components, Cvr, MunicipalityCode, Ore, Revision, Value, WorkPeriod, Year


class ReportReceipt(Value):
    """An employer's report was accepted, corrected or withdrawn. It says what the employer reported, and no more.

    After a withdrawal there is no content.
    """

    kind: Literal["report"] = "report"
    report_id: str
    revision: Revision
    event: Literal["reported", "corrected", "withdrawn"]
    accepted_at: datetime
    employment_id: str
    cvr: Cvr
    year: Year
    work: WorkPeriod | None = None
    payment_date: date | None = None
    components: Components | None = None
    total: Ore | None = None


class ExtractManifest(Value):
    """An extract of parts was completed: its sums in øre, and the digest of each of its files."""

    kind: Literal["extract"] = "extract"
    extract_id: str
    completed_at: datetime
    authority: Authority
    year: Year
    municipality: MunicipalityCode | None
    provisional: bool
    count: int
    reported: Ore
    exempt: Ore
    excess: Ore
    files: tuple[ExtractFile, ...]


class FilesManifest(Value):
    """An extract was completed: its positions, its sums in øre, and the digest of each of its files."""

    kind: Literal["extract-files"] = "extract-files"
    extract_id: str
    completed_at: datetime
    contents: ExtractKind
    year: Year | None = Field(description="The calendar year of the payments; null for a period.")
    period: OnePeriod = None
    municipality: MunicipalityCode | None
    positions: tuple[Position, ...] = Field(description="The extract contains everything before these positions.")
    provisional: bool
    count: int
    reported: int
    exempt: int
    excess: int
    files: tuple[StoredFile, ...]
    feed_positions: tuple[Position, ...] = Field(
        default=(),
        exclude_if=lambda positions: not positions,  # the bytes of a manifest without them stay the same
        description="The extract contains every record of the feed before these positions: read it from there on.",
    )


Statement = Annotated[ReportReceipt | ExtractManifest | FilesManifest, Field(discriminator="kind")]


class EvidenceRoot(Value):
    """The payload of a signed root: the statements of a few seconds."""

    sequence: Revision = Field(description="The place in the log, from 1 without gaps.")
    previous: Digest | None = Field(description="The digest of the signed root before; null for the first.")
    size: int = Field(ge=1, description="How many statements there are.")
    root: Digest = Field(description="The root of their Merkle tree.")


class EvidenceSigned(Event):
    """Statements were signed: from now on none of them can be changed, left out or added unnoticed."""

    type: ClassVar[str] = "dk.frikort.evidence.signed.v1"

    sequence: Revision
    signed_root: str = Field(
        description="A JWS in compact form (RFC 7515, Ed25519) whose payload is an `EvidenceRoot` as JSON."
    )

    @property
    def key(self) -> str:
        return "evidence"


class EvidenceFile(Value):
    """A file that proves one statement, without asking anyone."""

    format: Literal["frikort-evidence-1"] = "frikort-evidence-1"
    statement: str = Field(description="A `ReportReceipt` or `ExtractManifest` as JSON; the signed bytes.")
    index: int = Field(ge=0, description="The place of the statement among those of its root.")
    path: tuple[Digest, ...] = Field(description="The digests beside its way to the root, from the leaf on.")
    signed_root: str = Field(description="The JWS of the `EvidenceRoot`, as published on `frikort.evidence.v1`.")


def text_of(digest: bytes) -> str:
    """A digest as base64url without padding."""
    return urlsafe_b64encode(digest).decode().rstrip("=")


def digest_of_text(text: str) -> str:
    """The SHA-256 of a text, as ``text_of`` has it."""
    return text_of(sha256(text.encode()).digest())


def leaf_of(statement: str) -> str:
    """The leaf of a statement in the tree."""
    return text_of(sha256(b"\x00" + statement.encode()).digest())


def root_of(leaves: Sequence[str]) -> str:
    """The root of the Merkle tree over ``leaves``, of which there is at least one."""
    return text_of(_root([_bytes_of(leaf) for leaf in leaves]))


def path_of(leaves: Sequence[str], index: int) -> tuple[str, ...]:
    """The digests beside the way from the leaf ``index`` to the root, from the leaf on."""
    return tuple(map(text_of, _path([_bytes_of(leaf) for leaf in leaves], index)))


def root_from(leaf: str, index: int, size: int, path: Sequence[str]) -> str | None:
    """The root that follows from a leaf and its path (RFC 9162, section 2.1.3.2); None if they do not fit the size."""
    if not 0 <= index < size:
        return None
    node, last, digest = index, size - 1, _bytes_of(leaf)
    for beside in map(_bytes_of, path):
        if last == 0:
            return None
        if node % 2 == 1 or node == last:
            digest = _node(beside, digest)
            while node % 2 == 0 and node != 0:
                node, last = node >> 1, last >> 1
        else:
            digest = _node(digest, beside)
        node, last = node >> 1, last >> 1
    return text_of(digest) if last == 0 else None


def _root(leaves: Sequence[bytes]) -> bytes:
    if len(leaves) == 1:
        return leaves[0]
    left = _split(len(leaves))
    return _node(_root(leaves[:left]), _root(leaves[left:]))


def _path(leaves: Sequence[bytes], index: int) -> list[bytes]:
    if len(leaves) == 1:
        return []
    left = _split(len(leaves))
    if index < left:
        return [*_path(leaves[:left], index), _root(leaves[left:])]
    return [*_path(leaves[left:], index - left), _root(leaves[:left])]


def _split(size: int) -> int:
    """The largest power of two below ``size``."""
    return 1 << (size - 1).bit_length() - 1


def _node(left: bytes, right: bytes) -> bytes:
    return sha256(b"\x01" + left + right).digest()


def _bytes_of(text: str) -> bytes:
    return urlsafe_b64decode(text + "=")
