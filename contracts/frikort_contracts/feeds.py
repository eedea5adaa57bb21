"""The records of the authorities' feeds, and the messages with which exports fills them.

A feed is compacted: the last record of a key is the whole of it. The key is the card and the year, or the card alone
for the state of a card. Which authority gets which records is a table (``authorities``).
"""

from __future__ import annotations

from datetime import date
from typing import Any, ClassVar

from pydantic import Field

from frikort_contracts.authorities import AuthorityName, Facts, feed_of
from frikort_contracts.extracts import EmployerLine
from frikort_contracts.messages import CardCommand, Event
from frikort_contracts.values import Cvr, EncryptedPerson, MunicipalityCode, Ore, Value, Year

_CPR: Any = Field(
    description="JWE compact serialisation (ECDH-ES+A256KW, A256GCM) of the CPR number. `sub` in its protected header "
    "is the card's id: refuse a JWE that names another card. Null after the person's data were erased, and for an "
    "authority without a key."
)
_REVISION: Any = Field(
    ge=1, strict=True, description="Of two records with the same key the higher is newer. Numbers may be skipped."
)
_DISPUTED: Any = Field(description="The citizen's side says that a report of the year is not right.")
_RATE: Any = Field(description="Øre for an hour, for the 225-hour rule; null while the year has none.")


class FeedRecord(Event):
    """A record of the feed of ``authority``, on the topic that the table of authorities names."""

    authority: AuthorityName
    card_id: str
    revision: int = _REVISION

    @property
    def topic_name(self) -> str:
        """The feed's topic. Raises ``KeyError`` if the table does not have the authority."""
        feed = feed_of(self.authority)
        if feed is None:
            raise KeyError(self.authority)
        return feed.topic

    @property
    def key(self) -> str:
        return self.card_id


class CardYearRecord(FeedRecord):
    """A record about a card and a calendar year."""

    year: Year

    @property
    def key(self) -> str:
        """The key of a card and year."""
        return f"{self.card_id}:{self.year}"


class CardYearSums(CardYearRecord):
    """A record with the sums of the year. Amounts in øre."""

    municipality: MunicipalityCode
    provisional: bool
    allowance: Ore
    reported: Ore
    exempt: Ore
    excess: Ore


class TaxYearUpdated(CardYearSums):
    """For a tax agency: a year of a card by employer, amounts in øre. It replaces the one before."""

    type: ClassVar[str] = "dk.frikort.feed.tax-year-updated.v1"

    reports: int = Field(ge=0)
    disputed: bool = _DISPUTED
    cpr: str | None = _CPR
    employers: tuple[EmployerLine, ...]
    disputed_employers: tuple[Cvr, ...] = Field(description="The employers of the reports in dispute.")


class PaymentDay(Value):
    """What was paid on one day: ``exempt`` is to be disregarded, ``excess`` is ordinary wage. Amounts in øre."""

    payment_date: date
    reports: int = Field(ge=1)
    exempt: Ore
    excess: Ore
    converted_hours: int | None = Field(
        description="The exempt part in hours, rounded to the nearest; null while the year has no rate."
    )


class BenefitYearUpdated(CardYearSums):
    """For a municipality's benefit system: a year of a citizen by payment date. It replaces the one before."""

    type: ClassVar[str] = "dk.frikort.feed.benefit-year-updated.v1"

    hourly_rate: Ore | None = _RATE
    converted_hours: int | None = Field(
        description="The year's exempt part in hours. The hours of the days are rounded one by one, so their sum can "
        "differ."
    )
    disputed: bool = _DISPUTED
    cpr: str | None = _CPR
    days: tuple[PaymentDay, ...] = Field(description="By payment date. Their sums are those of the year.")


class BenefitYearEnded(CardYearRecord):
    """Another municipality is responsible for the citizen now, and the record before no longer holds."""

    type: ClassVar[str] = "dk.frikort.feed.benefit-year-ended.v1"


class CardStateUpdated(FeedRecord):
    """For statistics: the state of a card, with or without reports. It replaces the one before."""

    type: ClassVar[str] = "dk.frikort.feed.card-state-updated.v1"

    municipality: MunicipalityCode
    active: bool
    since: date = Field(description="The first day of this state.")


class CardUseUpdated(CardYearSums):
    """For statistics: a year of a card without person and employers, amounts in øre. It replaces the one before."""

    type: ClassVar[str] = "dk.frikort.feed.card-use-updated.v1"

    reports: int = Field(ge=0)
    employers: int = Field(ge=0, description="The number of employers.")
    disputed: bool = _DISPUTED


class FillFeed(CardCommand):
    """Publish the records of the card and its years to the feed of ``authority``.

    A job of exports sends it once for each card. ``encrypt_again``: encrypt the CPR number with the current key first.
    ``years``: years whose record or end is published even if the card knows of none that the authority has.
    """

    type: ClassVar[str] = "dk.frikort.feed.fill.v1"

    authority: AuthorityName
    encrypt_again: bool = False
    years: tuple[Year, ...] = ()


class EncryptCprFor(CardCommand):
    """Encrypt the CPR number of the card's person for ``authority``, and publish the records that need it."""

    type: ClassVar[str] = "dk.frikort.feed.encrypt-cpr.v1"

    authority: AuthorityName
    person: EncryptedPerson


RECORDS_OF: dict[Facts, tuple[type[FeedRecord], ...]] = {
    Facts.TAX: (TaxYearUpdated,),
    Facts.BENEFITS: (BenefitYearUpdated, BenefitYearEnded),
    Facts.USE: (CardStateUpdated, CardUseUpdated),
}
"""The message types of a feed."""
