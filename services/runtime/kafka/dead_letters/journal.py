"""The journal of actions on dead letters: an entry before each action and one after it. Entries are never changed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any, Final, Literal

import structlog
from pymongo.errors import DuplicateKeyError

from services.runtime.kafka.dead_letters.reader import DeadLetter
from services.runtime.kafka.producer import KafkaProducer
from services.runtime.mongo.driver import Client, Collection, durable_database
from services.runtime.processing.dead_letters import Origin

logger = structlog.get_logger("services.runtime.kafka.dead_letters")

DATABASE: Final = "frikort_operations"
COLLECTION: Final = "dead_letter_actions"

_ORIGINS_A_QUERY: Final = 10_000

Action = Literal["replay", "discard"]
State = Literal["waiting", "replaying", "discarding", "replayed", "discarded"]
_IN_PROGRESS: Final[dict[Action, State]] = {"replay": "replaying", "discard": "discarding"}
_CLOSED: Final[dict[Action, State]] = {"replay": "replayed", "discard": "discarded"}


class Refused(RuntimeError):
    """The action was refused; the text says why."""


@dataclass(frozen=True)
class Attribution:
    """The person who acts, the reason, and the time of the start."""

    by: str
    reason: str
    at: datetime


@dataclass(frozen=True)
class JournalEntry:
    """An action on one dead letter has begun, or is done. ``number`` counts the actions on the letter."""

    origin: str
    number: int
    action: Action
    done: bool
    by: str
    reason: str
    at: datetime
    body_sha256: str | None

    @property
    def id(self) -> str:
        """The id of the entry. Two people who begin at the same time have the same id, so only one succeeds."""
        return f"{self.origin} {self.number} {'done' if self.done else 'begun'}"


def state_of(entries: Iterable[JournalEntry], rejected: int = 0) -> State:
    """The state of a dead letter, whose replay ``rejected`` was rejected last (0: only the original was).

    Actions up to that replay no longer count: the letter waits again. A repeated action that has only begun does not
    change the state.
    """
    state: State = "waiting"
    closed = False
    valid = (entry for entry in entries if entry.number > rejected)
    for entry in sorted(valid, key=lambda entry: (entry.number, entry.done)):
        if entry.done:
            state, closed = _CLOSED[entry.action], True
        elif not closed:
            state = _IN_PROGRESS[entry.action]
    return state


class Journal:
    """The journal, in a database of its own."""

    def __init__(self, client: Client) -> None:
        self._entries: Collection = durable_database(client, DATABASE)[COLLECTION]

    async def entries(self, origins: Iterable[Origin]) -> dict[Origin, list[JournalEntry]]:
        """The entries about each of ``origins``, in order."""
        by_text = {str(origin): origin for origin in origins}
        found: dict[Origin, list[JournalEntry]] = {origin: [] for origin in by_text.values()}
        texts = list(by_text)
        stored: Mapping[str, Any]
        for start in range(0, len(texts), _ORIGINS_A_QUERY):
            some = {"origin": {"$in": texts[start : start + _ORIGINS_A_QUERY]}}
            for stored in await self._entries.find(some).sort("at", 1).to_list(None):
                entry = JournalEntry(**{name: value for name, value in stored.items() if name != "_id"})
                found[by_text[entry.origin]].append(entry)
        return found

    async def add(self, entry: JournalEntry) -> None:
        """Store an entry durably. Raises ``Refused`` if another person has begun the same action."""
        try:
            await self._entries.insert_one({"_id": entry.id, **vars(entry)})
        except DuplicateKeyError:
            raise Refused(f"{entry.origin}: another person acts on it at this moment; check its state") from None
        logger.warning("dead_letters.action", **vars(entry) | {"at": entry.at.isoformat()})


async def perform(
    letter: DeadLetter,
    action: Action,
    attribution: Attribution,
    *,
    journal: Journal,
    log: KafkaProducer,
    body: bytes | None = None,
    again: bool = False,
) -> None:
    """Replay or discard one dead letter.

    A replay has the original's key, headers and ``ce_id``, and reaches the processor that rejected it and no other. It
    is sent once for each action. An interrupted action can be repeated, because a processor applies a message once.
    Raises ``Refused`` if the letter is closed and not ``again``, and ``KafkaUnavailable``.
    """
    entries = (await journal.entries([letter.origin]))[letter.origin]
    state = state_of(entries, letter.replay)
    if state in _CLOSED.values() and not again:
        raise Refused(f"{letter.origin} is already {state}; repeat it with --again")
    begun = JournalEntry(
        origin=str(letter.origin),
        number=1 + max((entry.number for entry in entries), default=0),
        action=action,
        done=False,
        by=attribution.by,
        reason=attribution.reason,
        at=attribution.at,
        body_sha256=None if body is None else sha256(body).hexdigest(),
    )
    await journal.add(begun)
    if action == "replay":
        await log.publish([letter.replayed(begun.number, body)])
    await journal.add(JournalEntry(**vars(begun) | {"done": True}))
