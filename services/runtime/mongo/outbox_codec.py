"""What a document keeps packed, and takes apart only when it is asked.

That a message was applied before, or is still to be told of, is rare; but both are read and written with every
document.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from uuid import UUID

import bson
from frikort_contracts.cloudevents import Record, Told, Written

from services.runtime.processing.apply import Ids

_UUID_BYTES = 16


class AppliedIds:
    """Message ids as they are stored, in the order in which they were added."""

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
        """Add an id that is not among them."""
        self._packed += message_id.bytes


class OutboxCodec:
    """The records that a message made a document emit, as they are stored: what they follow from, in BSON.

    ``{"by", "cause", "time", "correlation", "traceparent", "key", "events": [[type, JSON], ...]}``; see ``Told``.
    ``key`` is the first event's; an event with another has it as a third part. Two earlier forms are read: until
    2026-11-22 a list of ``[topic, key, value, [[header, value], ...]]``, and then BSON of
    ``{"headers": {...}, "records": [[topic, key, value, {own headers}], ...]}``, with the headers that all end with.
    """

    __slots__ = ("_packed",)

    def __init__(self, packed: bytes | list[Any]) -> None:
        self._packed = packed

    @classmethod
    def pack(cls, records: Iterable[Record]) -> bytes | list[Any]:
        """The stored form of what was told, now or by an earlier release. Anything else raises ``TypeError``."""
        if isinstance(records, OutboxCodec):
            return records._packed
        if not isinstance(records, Told):
            raise TypeError("records are stored by what they follow from")
        key = records.events[0].key
        return bson.encode(
            {
                "by": records.by,
                "cause": records.cause_id.bytes,
                "time": records.time,
                "correlation": records.correlation_id.bytes,
                "traceparent": records.traceparent,
                "key": key,
                "events": [(e.type, e.value) if e.key == key else (e.type, e.value, e.key) for e in records.events],
            }
        )

    def __iter__(self) -> Iterator[Record]:
        if not isinstance(self._packed, bytes):
            return _of_list(self._packed)
        packed: Mapping[str, Any] = bson.decode(self._packed)
        return _of_headers(packed) if "headers" in packed else iter(_told(packed))


def _told(packed: Mapping[str, Any]) -> Told:
    return Told(
        packed["by"],
        UUID(bytes=packed["cause"]),
        packed["time"],
        UUID(bytes=packed["correlation"]),
        packed["traceparent"],
        tuple(Written(kind, key[0] if key else packed["key"], value) for kind, value, *key in packed["events"]),
    )


def _of_list(packed: list[Any]) -> Iterator[Record]:
    for topic, key, value, headers in packed:
        yield Record(topic, bytes(key), bytes(value), tuple((name, bytes(header)) for name, header in headers))


def _of_headers(packed: Mapping[str, Any]) -> Iterator[Record]:
    for topic, key, value, own in packed["records"]:
        yield Record(topic, key, value, (*own.items(), *packed["headers"].items()))
