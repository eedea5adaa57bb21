"""Extracts as files in a folder or bucket: the request, its progress, and the manifest of the files."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, ClassVar, Self

from pydantic import Field, model_validator

from frikort_contracts.extracts import Authority, Position
from frikort_contracts.messages import Command, Event
from frikort_contracts.months import Months
from frikort_contracts.values import Actor, Cvr, MunicipalityCode, Revision, Value, Year, is_none


class ExtractKind(StrEnum):
    """What an extract contains, and so who may request it: of a year, or of the months of a period."""

    TAX_YEAR = "tax-year"  # the tax agency: by card and employer, with the encrypted CPR number
    FOLLOW_UP = "follow-up"  # STAR: by card, without CPR number and employer
    MUNICIPALITY = "municipality"  # a municipality: the cards for which it is responsible
    EMPLOYER = "employer"  # an employer: its own reports, and how each is split
    CITIZEN = "citizen"  # a citizen: the own card, by employer
    STATISTICS = "statistics"  # an authority: the public statistics, by month and municipality


KIND_OF: dict[Authority, ExtractKind] = {
    Authority.SKAT: ExtractKind.TAX_YEAR,
    Authority.STAR: ExtractKind.FOLLOW_UP,
}
"""The kind with the statements of an authority's feed."""


class FileFormat(StrEnum):
    """The formats in which every extract is made."""

    CSV = "csv"
    JSON_LINES = "jsonl"
    PARQUET = "parquet"


OnePeriod = Annotated[
    Months | None,
    Field(
        default=None,
        exclude_if=is_none,  # the bytes of a year's messages stay the same
        description="The months whose payments it contains, in place of a year.",
    ),
]


def months_of(year: int | None, period: Months | None) -> Months:
    """The months of a year or a period. Raises ``ValueError`` for neither."""
    if period is not None:
        return period
    if year is None:
        raise ValueError("an extract is of a year, or of a period")
    return Months.of_year(year)


class RequestExtractFiles(Command):
    """Make an extract of ``year`` or of ``period``, at least as new as ``positions``.

    ``municipality`` restricts it to the cards of one municipality, ``cvr`` to the reports of one employer, ``card_id``
    to one card.
    """

    type: ClassVar[str] = "dk.frikort.extract.request.v2"

    extract_id: str
    kind: ExtractKind
    year: Year | None = Field(description="The calendar year of the payments; null for a period.")
    period: OnePeriod = None
    municipality: MunicipalityCode | None = None
    cvr: Cvr | None = None
    card_id: str | None = None
    requester: str = Field(description="Who may read it: a role and its organisation. Only the gateway reads this.")
    positions: tuple[Position, ...]
    actor: Actor

    @property
    def key(self) -> str:
        return self.extract_id

    @property
    def months(self) -> Months:
        """The months whose payments it contains."""
        return months_of(self.year, self.period)

    @model_validator(mode="after")
    def _has_its_scope(self) -> Self:
        if (self.year is None) == (self.period is None):
            raise ValueError("an extract is of a year, or of a period")
        if self.kind is ExtractKind.MUNICIPALITY and self.municipality is None:
            raise ValueError("an extract for a municipality is of that municipality")
        if (self.kind is ExtractKind.EMPLOYER) != (self.cvr is not None):
            raise ValueError("an extract for an employer is of its reports, and no other is")
        if (self.kind is ExtractKind.CITIZEN) != (self.card_id is not None):
            raise ValueError("an extract for a citizen is of one card, and no other is")
        return self


class ExtractFilesEvent(Event):
    """Something about one extract; ``attempt`` grows when an interrupted extract is made again."""

    key_field: ClassVar[str] = "extract_id"

    extract_id: str
    attempt: Revision


class ExtractProgressed(ExtractFilesEvent):
    """So many rows are written. The first of an attempt says 0."""

    type: ClassVar[str] = "dk.frikort.extract.progressed.v1"

    rows: int = Field(
        ge=0,
        description="How many rows there are to write: statements, reports or rows of statistics. For a period the"
        " statements of its years, from which its months are made.",
    )
    written: int = Field(ge=0, description="How many of them are done.")


class StoredFile(Value):
    """One file of an extract."""

    format: FileFormat
    name: str = Field(description="Its unique name in the folder or bucket.")
    size: int = Field(ge=0, description="Bytes.")
    sha256: str = Field(description="Hex digest of the file.")


class ExtractMade(ExtractFilesEvent):
    """All files are stored; this is the manifest. Amounts are sums over the rows, in øre."""

    type: ClassVar[str] = "dk.frikort.extract.made.v1"

    kind: ExtractKind
    year: Year | None = Field(description="The calendar year of the payments; null for a period.")
    period: OnePeriod = None
    municipality: MunicipalityCode | None = None
    positions: tuple[Position, ...] = Field(description="The extract contains everything before these positions.")
    provisional: bool = Field(description="Whether the allowance of a row is provisional.")
    completed_at: datetime | None = Field(default=None, description="When the files were stored (UTC).")
    count: int = Field(ge=0, description="Rows of the JSON Lines file.")
    reported: int = Field(description="Øre. Sums of public statistics can be negative, after corrections.")
    exempt: int = Field(description="Øre.")
    excess: int = Field(description="Øre.")
    files: tuple[StoredFile, ...]
    feed_positions: tuple[Position, ...] = Field(
        default=(),
        description="Positions in the feeds with the same facts. The extract contains every record before them: read"
        " the feed from there on.",
    )


AnyExtractFilesEvent = ExtractProgressed | ExtractMade
