"""Dead letters and their replays, as records. Pure.

A dead letter belongs to the processor that rejected the record. A replay is the original record with one more header,
which names that processor: every other reader of the topic passes over it. If the processor rejects it again, the dead
letter keeps its origin, so it stays one dead letter. See ``docs/decisions/``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, NamedTuple, Self

from frikort_contracts.cloudevents import Headers, Record
from frikort_contracts.topics import DEAD_SUFFIX

from services.runtime.processing.apply import Incoming

REPLAY_HEADER: Final = "frikort_replay"
"""The last header of a replay: ``<origin>#<number of the replay>``."""
FACTS: Final = (
    "dead_reason",
    "dead_service",
    "dead_processor",
    "dead_topic",
    "dead_partition",
    "dead_offset",
    "dead_replay",
)
"""The headers of a dead letter, in this order, after those of the original record."""

_ORIGIN: Final = re.compile(
    r"(?P<topic>[\w.-]+)/(?P<partition>\d+)/(?P<offset>\d+)@(?P<service>[\w-]+)\.(?P<processor>[\w-]+)"
)


@dataclass(frozen=True, slots=True, order=True)
class Origin:
    """The identity of a dead letter: the position of the original record, and the processor that could not read it.

    A redelivered record may be sent to the dead-letter topic again, and a replay may be rejected again. Each has the
    same origin and is one dead letter.
    """

    topic: str
    partition: int
    offset: int
    service: str
    processor: str

    def __str__(self) -> str:
        return f"{self.topic}/{self.partition}/{self.offset}@{self.reader}"

    @property
    def reader(self) -> str:
        """``<service>.<processor>``."""
        return f"{self.service}.{self.processor}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """The origin that ``text`` writes. Raises ``ValueError``."""
        found = _ORIGIN.fullmatch(text)
        if found is None:
            raise ValueError(f"{text!r} is not an origin such as frikort.earnings.v1/3/17@balance.ledgers")
        place = found.groupdict()
        return cls(place["topic"], int(place["partition"]), int(place["offset"]), place["service"], place["processor"])


class Replay(NamedTuple):
    """The replay of a dead letter. ``number`` counts the actions on it, from 1."""

    origin: Origin
    number: int

    def record(self, key: bytes, value: bytes, headers: Headers) -> Record:
        """The record to publish, for an original with this key, value and these headers."""
        mark = f"{self.origin}#{self.number}".encode()
        return Record(self.origin.topic, key, value, (*headers, (REPLAY_HEADER, mark)))


def replay_in(incoming: Incoming) -> Replay | None:
    """The replay that a record is; None for any other record, whatever headers its writer gave it.

    A record whose mark cannot be read is no replay: every reader processes it.
    """
    if not incoming.headers or incoming.headers[-1][0] != REPLAY_HEADER:
        return None
    origin, _, number = (incoming.headers[-1][1] or b"").decode(errors="replace").partition("#")
    if not (number.isascii() and number.isdigit()):
        return None
    try:
        return Replay(Origin.parse(origin), int(number))
    except ValueError:
        return None


def dead_letter(service: str, processor: str, incoming: Incoming, reason: str) -> Record:
    """The original key, value and headers, with the origin and the reason as further headers.

    ``dead_replay`` is the number of the replay that was rejected, or 0 for the original record.
    """
    place = incoming.topic, incoming.partition, incoming.offset
    origin, number, headers = Origin(*place, service, processor), 0, incoming.headers
    replay = replay_in(incoming)
    if replay is not None and replay.origin.reader == origin.reader:
        (origin, number), headers = replay, headers[:-1]
    values = (
        *(reason, origin.service, origin.processor),
        *(origin.topic, str(origin.partition), str(origin.offset), str(number)),
    )
    return Record(
        topic=origin.topic + DEAD_SUFFIX,
        key=incoming.key or b"",
        value=incoming.value or b"",
        headers=(*headers, *((name, value.encode()) for name, value in zip(FACTS, values, strict=True))),
    )


class Facts(NamedTuple):
    """What a dead letter says about the record: ``headers`` are those of the original."""

    origin: Origin
    replay: int
    reason: str
    headers: Headers


def facts_of(headers: Headers) -> Facts | None:
    """The facts in the headers of a dead letter; None for a record that no batch processor wrote.

    The original may have headers of the same names.
    """
    original, added = headers[: -len(FACTS)], headers[-len(FACTS) :]
    if tuple(name for name, _ in added) != FACTS:
        return None
    reason, service, processor, topic, partition, offset, replay = (value.decode() for _, value in added)
    return Facts(Origin(topic, int(partition), int(offset), service, processor), int(replay), reason, original)
