"""What an attempt counts for, how many are allowed, how long to pause, and when to raise an alarm. Pure.

An attempt checks a card number with a birth date (a registration), or alone (a line of a payroll file). It counts for
each *caller* behind it, the company and its owners: in all, and for each number and birth date that the caller tries.
Only these counts refuse an attempt, so no caller can use up the attempts of another.

An attempt counts for the number and the birth date over all callers, too. After ``Limits.suspicion`` attempts that are
wrong or in progress, the number or date is *suspected*: an alarm is raised, and each caller has fewer attempts at it
(``Limits.suspected``). A caller who knows the right number and date needs one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple

_HOUR: Final = 3600
_DAY: Final = 24 * _HOUR
_MONTH: Final = 30 * _DAY

_WITHOUT_PAUSE: Final = 4
_LONGEST_PAUSE: Final = timedelta(minutes=15)


class Limit(NamedTuple):
    """The most attempts in an hour, in a day and in 30 days."""

    hour: int
    day: int
    month: int

    def half(self) -> Limit:
        """Half of it, at least one."""
        return Limit(*(max(1, most // 2) for most in self))


@dataclass(frozen=True)
class Limits:
    """The limits. ``target`` is a number or a birth date, as one caller tries it."""

    caller: Limit
    target: Limit
    suspicion: Limit
    """The attempts by all callers, wrong or in progress, after which a target is suspected."""
    suspected: Limit
    """As ``target``, while the target is suspected."""


class Attempt(NamedTuple):
    """One check. ``owners`` are CPR hashes; ``targets`` are subjects with keyed hashes, so no number is stored."""

    company: str
    owners: tuple[str, ...]
    targets: tuple[str, ...]
    in_file: bool = False

    @property
    def callers(self) -> tuple[str, ...]:
        """The subjects that the attempt counts for. An owner of ten companies has as many attempts as one of one."""
        return (f"company:{self.company}", *(f"owner:{owner}" for owner in sorted(set(self.owners))))

    def limits(self, limits: Limits) -> dict[str, Limit]:
        """The limit of each count that can refuse the attempt; a suspected target has a lower one.

        Payroll files use at most half of a caller's attempts: after a file with unknown numbers, the company can still
        register the employments.
        """
        of_caller = limits.caller.half() if self.in_file else limits.caller
        found = dict.fromkeys(self.callers, of_caller)
        return found | {f"{caller}|{target}": limits.target for caller in self.callers for target in self.targets}

    def watched(self, limits: Limits) -> dict[str, Limit]:
        """The counts from which a wrong attempt raises an alarm, by subject."""
        return {
            **dict.fromkeys(self.callers, limits.caller),
            **{f"{caller}|{target}": limits.target for caller in self.callers for target in self.targets},
            **dict.fromkeys(self.targets, limits.suspicion),
        }


def kind_of(subject: str) -> str:
    """What an alarm is about: ``company``, ``owner``, ``number`` or ``birth-date``."""
    return subject.rpartition("|")[2].partition(":")[0]


def number(fingerprint: str) -> str:
    """The target of a card number's keyed hash."""
    return f"number:{fingerprint}"


def birth_date(fingerprint: str) -> str:
    """The target of a birth date's keyed hash."""
    return f"birth-date:{fingerprint}"


class Window(NamedTuple):
    """The hour, day and month that a moment lies in, counted from 1970 UTC."""

    hour: int
    day: int
    month: int

    def fields(self) -> tuple[str, str, str]:
        """The fields of a stored count, in the order of ``Limit``."""
        return f"hours.{self.hour}", f"days.{self.day}", "month"

    def document_id(self, subject: str) -> str:
        """The id of the document with the counts of ``subject``: one for each month."""
        return f"{subject}:{self.month}"

    def expires_at(self) -> datetime:
        """When the counts are no longer needed: a day after the month."""
        return datetime.fromtimestamp((self.month + 1) * _MONTH + _DAY, UTC)


def window_of(moment: datetime) -> Window:
    """The window that ``moment`` lies in."""
    seconds = int(moment.timestamp())
    return Window(seconds // _HOUR, seconds // _DAY, seconds // _MONTH)


def count_of(stored: Mapping[str, Any] | None, window: Window) -> Limit:
    """The counts of a stored document in ``window``, in the shape of a limit."""
    if stored is None:
        return Limit(0, 0, 0)
    hours, days = stored.get("hours", {}), stored.get("days", {})
    return Limit(hours.get(str(window.hour), 0), days.get(str(window.day), 0), stored.get("month", 0))


def reached(count: Limit, limit: Limit) -> bool:
    """Whether a count has come to a limit in any window."""
    return any(has >= most for has, most in zip(count, limit, strict=True))


def exceeded(count: Limit, limit: Limit) -> bool:
    """Whether a count is above a limit in any window."""
    return any(has > most for has, most in zip(count, limit, strict=True))


def pause_after(wrong_today: int, unit: timedelta) -> timedelta:
    """The pause after a caller's wrong attempt. It doubles with each wrong attempt of the day, from the fourth on."""
    if wrong_today < _WITHOUT_PAUSE:
        return timedelta(0)
    factor: int = 1 << min(wrong_today - _WITHOUT_PAUSE, 20)
    return min(unit * factor, _LONGEST_PAUSE)


def seconds_to_wait(count: Limit, limit: Limit, paused_until: datetime | None, now: datetime) -> int:
    """The seconds until an attempt can be allowed again, at least 1."""
    seconds = int(now.timestamp())
    ends = [
        length - seconds % length
        for has, most, length in zip(count, limit, (_HOUR, _DAY, _MONTH), strict=True)
        if has >= most
    ]
    if paused_until is not None:
        ends.append(int((paused_until - now).total_seconds()) + 1)
    return max(1, *ends) if ends else 1
