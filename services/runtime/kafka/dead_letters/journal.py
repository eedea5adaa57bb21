"""What people did about dead letters: written down before it is done, and again after. Lines are only ever added."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any, Final, Literal

import structlog
from pymongo.errors import DuplicateKeyError

from services.runtime.kafka.dead_letters.reader import DeadLetter, Origin
from services.runtime.kafka.producer import KafkaProducer
from services.runtime.mongo.document_store import Client, Collection, durable_database

logger = structlog.get_logger("services.runtime.kafka.dead_letters")

DATABASE: Final = "frikort_operations"
COLLECTION: Final = "dead_letter_acts"

Act = Literal["replay", "discard"]
State = Literal["waiting", "replaying", "discarding", "replayed", "discarded"]
_UNDER_WAY: Final[dict[Act, State]] = {"replay": "replaying", "discard": "discarding"}
_SETTLED: Final[dict[Act, State]] = {"replay": "replayed", "discard": "discarded"}


class Refused(RuntimeError):
    """The act is not done; the text says why."""


@dataclass(frozen=True)
class Account:
    """Who acts, why, and when they began."""

    by: str
    reason: str
    at: datetime


@dataclass(frozen=True)
class Line:
    """One line of the journal: an act on one dead letter has begun, or is done. ``number`` counts a letter's acts."""

    origin: str
    number: int
    act: Act
    done: bool
    by: str
    reason: str
    at: datetime
    body_sha256: str | None

    @property
    def id(self) -> str:
        """The same for two people who begin at the same time, so that only one of them does."""
        return f"{self.origin} {self.number} {'done' if self.done else 'begun'}"


def state_of(lines: Iterable[Line]) -> State:
    """What has become of a dead letter. An act that was begun again after it was done has been done."""
    state: State = "waiting"
    settled = False
    for line in sorted(lines, key=lambda line: (line.number, line.done)):
        if line.done:
            state, settled = _SETTLED[line.act], True
        elif not settled:
            state = _UNDER_WAY[line.act]
    return state


class Journal:
    """The journal of acts, in a database of its own."""

    def __init__(self, client: Client) -> None:
        self._lines: Collection = durable_database(client, DATABASE)[COLLECTION]

    async def lines(self, origins: Iterable[Origin]) -> dict[Origin, list[Line]]:
        """The lines about each of ``origins``, in order."""
        by_text = {str(origin): origin for origin in origins}
        found: dict[Origin, list[Line]] = {origin: [] for origin in by_text.values()}
        stored: Mapping[str, Any]
        for stored in await self._lines.find({"origin": {"$in": list(by_text)}}).sort("at", 1).to_list(None):
            line = Line(**{name: value for name, value in stored.items() if name != "_id"})
            found[by_text[line.origin]].append(line)
        return found

    async def add(self, line: Line) -> None:
        """Write one line down, durably. Raises ``Refused`` if somebody else has begun the same act."""
        try:
            await self._lines.insert_one({"_id": line.id, **vars(line)})
        except DuplicateKeyError:
            raise Refused(f"{line.origin}: somebody else acts on it at this moment; look at it again") from None
        logger.warning("dead.act", **vars(line) | {"at": line.at.isoformat()})


async def act_on(
    letter: DeadLetter,
    act: Act,
    account: Account,
    *,
    journal: Journal,
    log: KafkaProducer,
    body: bytes | None = None,
    again: bool = False,
) -> None:
    """Replay or discard one dead letter.

    A replay has the original's key, headers and ``ce_id``: a reader that had applied it drops it, so an act that was
    interrupted can be done again. Raises ``Refused`` if the letter is settled, unless ``again``; ``KafkaUnavailable``.
    """
    lines = (await journal.lines([letter.origin]))[letter.origin]
    state = state_of(lines)
    if state in _SETTLED.values() and not again:
        raise Refused(f"{letter.origin} is {state} already; --again does it once more")
    begun = Line(
        origin=str(letter.origin),
        number=1 + max((line.number for line in lines), default=0),
        act=act,
        done=False,
        by=account.by,
        reason=account.reason,
        at=account.at,
        body_sha256=None if body is None else sha256(body).hexdigest(),
    )
    await journal.add(begun)
    if act == "replay":
        await log.publish([letter.original(body)])
    await journal.add(Line(**vars(begun) | {"done": True}))
