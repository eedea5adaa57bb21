"""Binary forms of the applied ids and of the outbox of a document.

Both are read and written with every document and rarely looked into, so they are decoded on demand.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from uuid import UUID

import bson
from frikort_contracts.cloudevents import Record

from services.runtime.processing.apply import Ids
from services.runtime.processing.outbox import OutboxEntry, SerializedEvent

_UUID_BYTES = 16


class AppliedIds:
    """Message ids in their stored form, in the order in which they were added."""

    __slots__ = ("_packed",)

    def __init__(self, packed: bytes = b"") -> None:
        self._packed = packed

    @classmethod
    def pack(cls, ids: Ids) -> bytes:
        """The stored form of ``ids``."""
        return ids._packed if isinstance(ids, AppliedIds) else b"".join(message_id.bytes for message_id in ids)

    def __contains__(self, message_id: object) -> bool:
        if not isinstance(message_id, UUID):
            return False
        found = self._packed.find(message_id.bytes)
        while found % _UUID_BYTES and found >= 0:
            found = self._packed.find(message_id.bytes, found + 1)
        return found >= 0

    def __iter__(self) -> Iterator[UUID]:
        starts = range(0, len(self._packed), _UUID_BYTES)
        return (UUID(bytes=self._packed[start : start + _UUID_BYTES]) for start in starts)

    def __len__(self) -> int:
        return len(self._packed) // _UUID_BYTES

    def add(self, message_id: UUID) -> None:
        """Add an id that is not contained yet."""
        self._packed += message_id.bytes


class OutboxCodec:
    """A stored outbox entry. It is decoded only when its records are needed.

    BSON of ``{"emitter", "cause", "time", "correlation", "traceparent", "key", "events": [[type, JSON], ...]}``; see
    ``OutboxEntry``. ``key`` is that of the first event; an event with another key has it as a third part.
    """

    __slots__ = ("_packed",)

    def __init__(self, packed: bytes) -> None:
        self._packed = packed

    @classmethod
    def pack(cls, entry: Iterable[Record]) -> bytes:
        """The stored form of an ``OutboxEntry``, packed or not. Raises ``TypeError`` for any other iterable."""
        if isinstance(entry, OutboxCodec):
            return entry._packed
        if not isinstance(entry, OutboxEntry):
            raise TypeError("only an OutboxEntry can be stored")
        key = entry.events[0].key
        return bson.encode(
            {
                "emitter": entry.emitter,
                "cause": entry.cause_id.bytes,
                "time": entry.time,
                "correlation": entry.correlation_id.bytes,
                "traceparent": entry.traceparent,
                "key": key,
                "events": [(e.type, e.value) if e.key == key else (e.type, e.value, e.key) for e in entry.events],
            }
        )

    @property
    def cause_id(self) -> UUID:
        """The message that made the processor emit these events."""
        return self._decoded().cause_id

    def __iter__(self) -> Iterator[Record]:
        return iter(self._decoded())

    def _decoded(self) -> OutboxEntry:
        packed: Mapping[str, Any] = bson.decode(self._packed)
        return OutboxEntry(
            packed["emitter"],
            UUID(bytes=packed["cause"]),
            packed["time"],
            UUID(bytes=packed["correlation"]),
            packed["traceparent"],
            tuple(
                SerializedEvent(kind, key[0] if key else packed["key"], value) for kind, value, *key in packed["events"]
            ),
        )
