"""Extracts and feeds for the authorities: one command, the parts of a file, and the statements."""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar

from pydantic import Field

from frikort_contracts.messages import CardCommand, CardKeyedEvent, Command, Event
from frikort_contracts.values import Actor, Cvr, EncryptedPerson, MunicipalityCode, Ore, Revision, Value, Year


class Authority(StrEnum):
    """An authority. Each has its own feed topic, and its own public key if it may see the CPR number."""

    SKAT = "skat"  # the tax agency: everything, with the CPR number encrypted for it
    STAR = "star"  # labour market and recruitment: follow-up, no CPR number and no employer


class ExtractFormat(StrEnum):
    """File formats of an extract."""

    CSV = "csv"
    JSON = "json"


class Position(Value):
    """A position in a partition: ``offset`` is the first record not included."""

    topic: str
    partition: int = Field(ge=0)
    offset: int = Field(ge=0)


class RequestExtract(Command):
    """Make an extract of the statements of ``year``, at least as new as ``positions``."""

    type: ClassVar[str] = "dk.frikort.extract.request.v1"

    extract_id: str
    authority: Authority
    year: Year
    municipality: MunicipalityCode | None = None
    positions: tuple[Position, ...]
    actor: Actor

    @property
    def key(self) -> str:
        return self.extract_id


class RepublishStatements(CardCommand):
    """Publish the current statement of every year of the card again, under its next revision.

    Sent by a job of exports, once for each card.
    """

    type: ClassVar[str] = "dk.frikort.statements.republish.v1"


class ForgetPerson(CardCommand):
    """The data of the card's person were erased: keep and publish its statements without the CPR number."""

    type: ClassVar[str] = "dk.frikort.statements.forget-person.v1"


class EncryptCprAgain(CardCommand):
    """The tax agency has a new key: encrypt the CPR number of the card's person with it, and publish the statements."""

    type: ClassVar[str] = "dk.frikort.statements.encrypt-cpr-again.v1"

    person: EncryptedPerson


class ExtractEvent(Event):
    """Something about one extract; ``attempt`` grows when an interrupted extract is made again."""

    key_field: ClassVar[str] = "extract_id"

    extract_id: str
    attempt: Revision


class ExtractStarted(ExtractEvent):
    """Work on the extract began."""

    type: ClassVar[str] = "dk.frikort.extract.started.v1"

    statements: int = Field(ge=0, description="How many statements there are to write, for progress.")


class ExtractPartWritten(ExtractEvent):
    """A part of one file; the file is its parts in order of ``index``, from 0."""

    type: ClassVar[str] = "dk.frikort.extract.part-written.v1"

    format: ExtractFormat
    index: int = Field(ge=0)
    content: str = Field(description="A piece of the UTF-8 file as text.")
    statements: int = Field(default=0, ge=0, description="How many are written by now, for progress.")


class ExtractFile(Value):
    """One file of a manifest."""

    format: ExtractFormat
    parts: int
    size: int = Field(description="Bytes.")
    sha256: str = Field(description="Hex digest of the whole file.")


class ExtractCompleted(ExtractEvent):
    """All parts are written; this is the manifest."""

    type: ClassVar[str] = "dk.frikort.extract.completed.v1"

    authority: Authority
    year: Year
    municipality: MunicipalityCode | None = None
    provisional: bool
    count: int = Field(description="Statements in the extract.")
    reported: Ore
    exempt: Ore
    excess: Ore
    files: tuple[ExtractFile, ...]


class EmployerLine(Value):
    """What one employer reported to one card in one year, in øre."""

    cvr: Cvr
    reports: int
    reported: Ore
    exempt: Ore
    excess: Ore


class Statement(CardKeyedEvent):
    """A card's year as an authority may see it; each event replaces the one before. Amounts in øre."""

    revision: Revision = Field(
        description="The higher of two is newer. Numbers may be skipped: it follows from what the statement contains."
    )
    year: Year
    municipality: MunicipalityCode
    provisional: bool
    allowance: Ore
    reported: Ore
    exempt: Ore
    excess: Ore
    reports: int
    disputed: bool = Field(default=False, description="The citizen's side says that a report of the year is not right.")


class TaxStatementUpdated(Statement):
    """For the tax agency: by employer, with the CPR number as a JWE that only it can decrypt."""

    type: ClassVar[str] = "dk.frikort.authority.skat.statement-updated.v1"

    cpr: str | None = Field(
        description="JWE compact serialisation (ECDH-ES+A256KW, A256GCM) of the CPR number. `sub` in its protected"
        " header is the card's id: refuse a JWE that names another card. Null after the person's data were erased."
    )
    employers: tuple[EmployerLine, ...]
    disputed_employers: tuple[Cvr, ...] = Field(default=(), description="The employers of the reports in dispute.")


class FollowUpStatementUpdated(Statement):
    """For follow-up by STAR: pseudonymous, without employers."""

    type: ClassVar[str] = "dk.frikort.authority.star.statement-updated.v1"


AnyExtractEvent = ExtractStarted | ExtractPartWritten | ExtractCompleted
