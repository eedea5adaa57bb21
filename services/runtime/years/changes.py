"""The rules of a change of a year: one person enters it, another confirms or rejects it. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final, Literal
from uuid import UUID, uuid5

from frikort_contracts.cloudevents import Envelope
from frikort_contracts.rules.allowances import Allowance, AllowanceTable
from frikort_contracts.topics import YEARS, source_of
from frikort_contracts.values import Value, Year
from frikort_contracts.years import YearChanged
from pydantic import Field

_NAMESPACE: Final = UUID("5f0a1c9e-2c52-5d0a-9a63-0c6f8a2b7d14")
_LAST_CORRECTION: Final = 999


class Refused(RuntimeError):
    """The change or the decision was refused; the text says why."""


class Entry(Value):
    """What one person did. ``number`` counts the changes of a year."""

    year: Year
    number: int = Field(ge=1)
    by: str
    reason: str
    at: datetime

    @property
    def change(self) -> str:
        """The name of the change, such as ``2027/1``."""
        return f"{self.year}/{self.number}"


class Entered(Entry):
    """A change was entered. ``amounts`` and ``closed`` are the whole year after it."""

    kind: Literal["entered"] = "entered"
    amounts: tuple[Allowance, ...]
    closed: bool


class Decided(Entry):
    """A change was confirmed or rejected."""

    kind: Literal["decided"] = "decided"
    confirmed: bool


class YearHistory:
    """The changes of a year, in order, and the year that follows from them."""

    def __init__(self, table: AllowanceTable, year: int, entries: Sequence[Entered | Decided]) -> None:
        self.year = year
        self.entered = [entry for entry in entries if isinstance(entry, Entered)]
        self.decided = {entry.number: entry for entry in entries if isinstance(entry, Decided)}
        self._table = table
        confirmed = [entry for entry in self.entered if self.is_confirmed(entry.number)]
        self.amounts = confirmed[-1].amounts if confirmed else table.years.get(year, ())
        self.closed = confirmed[-1].closed if confirmed else year in table.closed

    @property
    def waiting(self) -> Entered | None:
        """The change that waits for a second person. There is at most one."""
        return next((entry for entry in self.entered if entry.number not in self.decided), None)

    def is_confirmed(self, number: int) -> bool:
        """Whether this change was confirmed."""
        return number in self.decided and self.decided[number].confirmed

    def enter_amounts(self, given: Allowance, *, by: str, reason: str, at: datetime) -> Entered:
        """Add amounts. Those of a day that has amounts correct them. Raises ``Refused``."""
        self._check_none_waiting()
        if self.closed:
            raise Refused(f"{self.year} is closed; open it first")
        same_day = [
            row.correction
            for row in self.amounts
            if (row.effective_from, row.provisional) == (given.effective_from, given.provisional)
        ]
        correction = 1 + max(same_day) if same_day else 0
        if correction > _LAST_CORRECTION:
            raise Refused(f"{self.year} has too many corrections of one day")
        amounts = (*self.amounts, given.model_copy(update={"correction": correction}))
        try:
            self._table.with_year(self.year, amounts, closed=False)
        except ValueError as error:
            raise Refused(f"the amounts cannot be used: {error}") from error
        return self._entered(amounts, closed=False, by=by, reason=reason, at=at)

    def enter_closed(self, *, closed: bool, by: str, reason: str, at: datetime) -> Entered:
        """Close or open the year. Raises ``Refused``."""
        self._check_none_waiting()
        if not self.amounts:
            raise Refused(f"{self.year} has no amounts")
        if closed == self.closed:
            raise Refused(f"{self.year} is {'closed' if closed else 'open'} already")
        return self._entered(self.amounts, closed=closed, by=by, reason=reason, at=at)

    def decide(self, number: int, *, confirmed: bool, by: str, reason: str, at: datetime) -> Decided:
        """Confirm or reject a change. The same decision again is the first one. Raises ``Refused``."""
        change = self._change(number)
        if (earlier := self.decided.get(number)) is not None:
            if earlier.confirmed != confirmed:
                raise Refused(f"{change.change} was {'confirmed' if earlier.confirmed else 'rejected'} already")
            return earlier
        if confirmed and is_same_person(change.by, by):
            raise Refused(f"{change.change} was entered by {change.by}; another person confirms it")
        return Decided(year=self.year, number=number, confirmed=confirmed, by=by, reason=reason, at=at)

    def event(self, decision: Decided) -> Envelope[YearChanged]:
        """The event of a confirmed change: the same whenever it is made."""
        change = self._change(decision.number)
        earlier = sum(self.is_confirmed(entry.number) for entry in self.entered if entry.number < decision.number)
        message_id = uuid5(_NAMESPACE, change.change)
        return Envelope(
            id=message_id,
            time=decision.at.astimezone(UTC),
            source=source_of(YEARS.writers[0]),
            data=YearChanged(year=self.year, revision=1 + earlier, amounts=change.amounts, closed=change.closed),
            correlation_id=message_id,
        )

    def _entered(self, amounts: tuple[Allowance, ...], *, closed: bool, by: str, reason: str, at: datetime) -> Entered:
        number = 1 + len(self.entered)
        return Entered(year=self.year, number=number, amounts=amounts, closed=closed, by=by, reason=reason, at=at)

    def _check_none_waiting(self) -> None:
        if (waiting := self.waiting) is not None:
            raise Refused(f"{waiting.change} waits for a second person: confirm or reject it first")

    def _change(self, number: int) -> Entered:
        for entry in self.entered:
            if entry.number == number:
                return entry
        raise Refused(f"there is no change {self.year}/{number}")


def is_same_person(one: str, other: str) -> bool:
    """Whether two names are of one person: letter case and spaces make no difference."""
    return "".join(one.split()).casefold() == "".join(other.split()).casefold()
