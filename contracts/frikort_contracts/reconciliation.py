"""Messages of a reconciliation: the figures of every card and year, as each service holds them.

A run lists all cards in pages. A page passes the services of ``COUNTERS`` in their order, and each adds what it holds.
A service counts a page when it has applied everything that the services before it had published by their count, so no
report is in flight between two counts: a later count may be ahead of an earlier one, and is never behind.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from itertools import islice
from typing import ClassVar, Final, Literal

from pydantic import Field

from frikort_contracts.messages import Event
from frikort_contracts.values import Value, Year

Counter = Literal["reporting", "balance", "exports", "projections"]
MOST_DETAILS: Final = 200
COUNTERS: Final[tuple[Counter, ...]] = ("reporting", "balance", "exports", "projections")


class Holder(StrEnum):
    """Who holds figures of a card's year, in the order in which they are counted."""

    REPORTING = "reporting"  # the accepted reports
    ENTRIES = "balance-entries"  # the entries of the ledger
    LEDGER = "balance"  # the sums of the ledger
    SPLITS = "exports"  # the splits of the reports
    STATEMENT = "exports-statement"  # the latest statement for the authorities
    REPORTS_VIEW = "gateway-reports"  # the reports that the gateway shows
    TOTALS_VIEW = "gateway-totals"  # the totals that the gateway shows


class HeldReport(Value):
    """One report as a holder has it; null is what it does not keep. Amounts in øre.

    No value is refused: a damaged document is a difference, too.
    """

    report_id: str
    revision: int | None = Field(default=None, description="The last event about the report that was applied.")
    ledger_revision: int | None = Field(default=None, description="The last split that was applied.")
    total: int | None = None
    exempt: int | None = None
    excess: int | None = None


class Figures(Value):
    """What a holder has of a card's year; null is what it does not keep. Amounts in øre."""

    holder: Holder
    changes: int | None = Field(default=None, description="Reports, corrections and withdrawals that it applied.")
    ledger_revision: int | None = Field(default=None, description="The ledger revision that it has applied.")
    latest_split: int | None = Field(
        default=None, description="The latest ledger revision that changed a split of a report that it shows."
    )
    reports: int | None = Field(default=None, description="Reports that are not withdrawn.")
    total: int | None = None
    exempt: int | None = None
    excess: int | None = None
    details: tuple[HeldReport, ...] = Field(
        default=(), description="Its reports, if they were asked for and are not more than 200."
    )


def details_of(reports: Iterable[HeldReport], *, wanted: bool) -> tuple[HeldReport, ...]:
    """The details of figures: none unless ``wanted``, and none if they would make a record too large."""
    found = tuple(islice(reports, MOST_DETAILS + 1)) if wanted else ()
    return found if len(found) <= MOST_DETAILS else ()


class CardYear(Value):
    """The figures of a card's year. A holder that has nothing of the year is left out."""

    card_id: str
    year: Year
    figures: tuple[Figures, ...]


class MessagePlace(Value):
    """A message about a card's year, and where its record is. A record that breaks its contract may lack id or type."""

    message_id: str | None = Field(description="The CloudEvents id.")
    type: str | None = Field(description="The CloudEvents type.")
    topic: str
    partition: int = Field(ge=0)
    offset: int = Field(ge=0)


class DifferingYear(Value):
    """A year of a card whose figures differ, without the card: the messages that made the figures."""

    year: Year
    messages: tuple[MessagePlace, ...]


class RunEvent(Event):
    """Something about one run. All of a run is in one partition, in order."""

    run_id: str

    @property
    def key(self) -> str:
        return self.run_id


class CardsListed(RunEvent):
    """A page of cards to count. ``first`` is the number of cards on earlier pages; the page after the last is empty.

    From the second ``attempt`` on it is a card of that page whose figures did not agree, counted with its reports.
    """

    type: ClassVar[str] = "dk.frikort.reconciliation.cards-listed.v1"

    first: int = Field(ge=0)
    cards: tuple[str, ...]
    attempt: int = Field(default=1, ge=1)
    is_last: bool = False


class CardsCounted(RunEvent):
    """A page with the figures of ``counted_by`` and of the services before it."""

    type: ClassVar[str] = "dk.frikort.reconciliation.cards-counted.v1"

    first: int = Field(ge=0)
    cards: tuple[str, ...]
    attempt: int = Field(ge=1)
    is_last: bool
    counted_by: Counter
    years: tuple[CardYear, ...]


class CardYearDiffered(RunEvent):
    """An alarm: the holders of a card's year disagree, and no report in flight explains it.

    The details of the figures are the reports on which they disagree. ``messages`` are those about these reports, or
    about the whole year if each report agrees, as far as the topics have them: the latest 100 of each topic. It is
    empty after the first 100 differences of a run.
    """

    type: ClassVar[str] = "dk.frikort.reconciliation.card-year-differed.v1"

    card_id: str
    year: Year
    figures: tuple[Figures, ...]
    messages: tuple[MessagePlace, ...] = ()


class MessagesFound(RunEvent):
    """The messages about a card's year that differs, in the order of their topics."""

    type: ClassVar[str] = "dk.frikort.reconciliation.messages-found.v1"

    card_id: str
    year: Year
    messages: tuple[MessagePlace, ...]


class ReconciliationCompleted(RunEvent):
    """The result of a run: ``differences`` card years differed, and ``undecided`` ones changed at every count.

    ``differing`` are the first ten of those that differ, each with at most 50 messages.
    """

    type: ClassVar[str] = "dk.frikort.reconciliation.completed.v1"

    started_at: datetime
    cards: int = Field(ge=0)
    years: int = Field(ge=0, description="Card years that were compared.")
    differences: int = Field(ge=0)
    undecided: int = Field(ge=0)
    differing: tuple[DifferingYear, ...] = ()


AnyResult = CardYearDiffered | ReconciliationCompleted
