"""The events about the audit log: digests of its entries, chained and signed, and look-ups that are unusual."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from frikort_contracts.messages import Event
from frikort_contracts.values import Actor, MunicipalityCode, Revision, Value

Digest = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{43}$", description="SHA-256, base64url without padding.")]


class SignedEntry(Value):
    """An entry of the audit log, without its content: the digest is of its JSON with sorted names."""

    number: int = Field(ge=1, description="The place of the entry in its chain. Numbers grow, and can be left out.")
    digest: Digest


class Checkpoint(Value):
    """The payload of a checkpoint: the entries that one process has written since its checkpoint before."""

    chain: str = Field(description="The id of the chain: the entries of one process.")
    sequence: Revision = Field(description="The place of the checkpoint in its chain, from 1 without gaps.")
    previous: Digest | None = Field(description="The digest of the checkpoint before; null for the first.")
    entries: tuple[SignedEntry, ...] = Field(min_length=1, description="In the order of their numbers.")


class AuditLogSigned(Event):
    """Entries of the audit log were signed: from now on a change of one of them is found."""

    type: ClassVar[str] = "dk.frikort.audit-log.signed.v1"

    chain: str = Field(description="The id of the chain: the entries of one process.")
    checkpoint: str = Field(
        description="A JWS in compact form (RFC 7515, Ed25519) whose payload is a `Checkpoint` as JSON."
    )

    @property
    def key(self) -> str:
        return self.chain


class Expiry(Value):
    """The payload of an expiry: entries that may be removed, because they were kept as long as they are needed."""

    chain: str = Field(description="The id of the chain: the entries of one process.")
    through: int = Field(ge=1, description="The number of the last entry that may be removed, with all before it.")
    before: datetime = Field(description="All of these entries are from before this moment.")


class AuditLogExpired(Event):
    """Entries of the audit log have expired: from now on a missing one of them is no difference."""

    type: ClassVar[str] = "dk.frikort.audit-log.expired.v1"

    chain: str = Field(description="The id of the chain: the entries of one process.")
    expiry: str = Field(description="A JWS in compact form (RFC 7515, Ed25519) whose payload is an `Expiry` as JSON.")

    @property
    def key(self) -> str:
        return self.chain


class UnusualAccess(Event):
    """Look-ups of caseworkers were unusual: a reason to ask, and no proof. It names no person, and no purpose."""

    type: ClassVar[str] = "dk.frikort.audit-log.unusual-access.v1"

    finding_id: str = Field(description="The same for the same rule, caseworker, person and Danish day.")
    rule: Literal["many-people", "own-person", "odd-hours", "many-readers"] = Field(
        description="One caseworker looked up many people in an hour, or themselves, or anyone at night or at a "
        "weekend; or many caseworkers looked up one person in a day."
    )
    organisation: MunicipalityCode | None = Field(description="The caseworker's municipality; null for many readers.")
    actor: Actor | None = Field(description="The caseworker's opaque id; null for many readers.")
    card_id: str | None = Field(description="The card of the one person, if the finding is about one with a card.")
    count: int = Field(ge=1, description="People, readers or look-ups when it was found.")
    first: datetime
    last: datetime

    @property
    def key(self) -> str:
        return self.finding_id
