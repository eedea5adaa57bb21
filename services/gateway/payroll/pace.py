"""How many lines of files are in progress at a time, so that other reports do not wait long behind them. Pure.

Reporting decides the lines of files and single reports in the order in which they are published, so a report waits for
all lines before it. Two limits keep that wait short. Few lines of one card are in progress, because they are decided
one after another in one document. The parts of all files are limited by the time that their outcomes take: one more
for each round trip, half when a part takes too long, as TCP does it (RFC 5681: additive increase and multiplicative
decrease). So files use what other reports leave free.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, Generic, Protocol, TypeVar

PART: Final = 100
"""Lines that are published together and wait for their outcomes together."""
MOST_OF_CARD: Final = 10
"""Lines of one card that are in progress."""
MOST_PARTS: Final = 30
_FIRST_LIMIT: Final = 4.0
_LONG: Final = 0.3
"""Seconds until a part has its outcomes, above which reports wait too long behind it."""


class Line(Protocol):
    """A line of a file."""

    @property
    def card_id(self) -> str: ...


L = TypeVar("L", bound=Line)


class Part(Protocol):
    """Lines that are in progress."""

    @property
    def lines(self) -> Sequence[Line]: ...


P = TypeVar("P", bound=Part)


def parts_of(lines: Iterable[L]) -> list[list[L]]:
    """Lines in parts: none has more lines, or lines of one card, than may be in progress together.

    The lines of a card keep their order. A card with many lines is in several parts, beside lines of other cards.
    """
    parts: list[list[L]] = []
    counts: list[Counter[str]] = []
    latest: dict[str, int] = {}
    first_open = 0
    for line in lines:
        at = max(latest.get(line.card_id, 0), first_open)
        while at < len(parts) and (len(parts[at]) == PART or counts[at][line.card_id] == MOST_OF_CARD):
            at += 1
        if at == len(parts):
            parts.append([])
            counts.append(Counter())
        parts[at].append(line)
        counts[at][line.card_id] += 1
        latest[line.card_id] = at
        while first_open < len(parts) and len(parts[first_open]) == PART:
            first_open += 1
    return parts


class Pace:
    """The parts that a process has in progress, of all its files. Moments are seconds of a monotonic clock."""

    def __init__(self) -> None:
        self._limit = _FIRST_LIMIT
        self._in_progress = 0
        self._decreased_at = -1.0

    @property
    def has_room(self) -> bool:
        """Whether another part may be published. A file without any part in progress may always publish one."""
        return self._in_progress < int(self._limit)

    def begin(self) -> None:
        """A part is published."""
        self._in_progress += 1

    def end(self, parts: int = 1) -> None:
        """Parts have their outcomes, or were given up."""
        self._in_progress -= parts

    def adapt(self, published_at: float, settled_at: float) -> None:
        """Adapt the limit to the time that the outcomes of a part took.

        Parts that were published before the last decrease cause no other: they waited in the same queue.
        """
        if settled_at - published_at <= _LONG:
            self._limit = min(self._limit + 1 / self._limit, MOST_PARTS)
        elif published_at > self._decreased_at:
            self._limit = max(self._limit / 2, 1.0)
            self._decreased_at = settled_at


class PartsInProgress(Generic[P]):
    """The parts of one file that are published and wait for their outcomes, in order."""

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self._parts: deque[P] = deque()
        self._of_card = Counter[str]()

    def __bool__(self) -> bool:
        return bool(self._parts)

    def __iter__(self) -> Iterator[P]:
        return iter(self._parts)

    @property
    def oldest(self) -> P:
        """The part that was published first."""
        return self._parts[0]

    def has_room_for(self, lines: Sequence[Line]) -> bool:
        """Whether these lines may be published now."""
        if not self._parts:
            return True
        of_card = Counter(line.card_id for line in lines)
        return self._pace.has_room and all(
            self._of_card[card_id] + count <= MOST_OF_CARD for card_id, count in of_card.items()
        )

    def add(self, part: P) -> None:
        """A part is published."""
        self._parts.append(part)
        self._of_card.update(line.card_id for line in part.lines)
        self._pace.begin()

    def remove_oldest(self) -> None:
        """The oldest part has its outcomes."""
        self._of_card.subtract(line.card_id for line in self._parts.popleft().lines)
        self._pace.end()

    def give_up(self) -> None:
        """The file is given up: its parts are in progress no longer."""
        self._pace.end(len(self._parts))
        self._parts.clear()
        self._of_card.clear()
