"""The stored form of the outbox of a document.

An entry is ``{topic, partition, offset, emitter, cause, time, correlation, traceparent, key, events}``; see
``PendingEvents`` and ``OutboxEntry``. An event is ``{type, json}``. ``key`` is that of the first event; an event with
another key is ``{type, json, key}``. One whose type several topics carry has the name of its ``topic``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from frikort_contracts.cloudevents import Record

from services.runtime.processing.apply import PendingEvents
from services.runtime.processing.outbox import OutboxEntry, SerializedEvent


class StoredEntry:
    """An outbox entry in its stored form. It is decoded only when its records are needed."""

    __slots__ = ("_stored",)

    def __init__(self, stored: Mapping[str, Any]) -> None:
        self._stored = stored

    @property
    def cause(self) -> str:
        """See ``OutboxEntry``."""
        return str(self._stored["cause"])

    @property
    def size(self) -> int:
        """See ``OutboxEntry``."""
        return sum([len(event["json"]) for event in self._stored["events"]])

    def records(self) -> list[Record]:
        """See ``OutboxEntry``."""
        return self.decoded().records()

    def decoded(self) -> OutboxEntry:
        """The entry."""
        stored = self._stored
        key = stored["key"]
        return OutboxEntry(
            stored["emitter"],
            stored["cause"],
            stored["time"],
            stored["correlation"],
            stored["traceparent"],
            tuple(
                SerializedEvent(e["type"], e.get("key", key).encode(), e["json"].encode(), e.get("topic"))
                for e in stored["events"]
            ),
        )


def stored_pending(pending: PendingEvents) -> dict[str, Any]:
    """The stored form of pending events."""
    topic, partition, offset, entry = pending
    if isinstance(entry, StoredEntry):
        return {**entry._stored, "topic": topic, "partition": partition, "offset": offset}
    if not isinstance(entry, OutboxEntry):
        raise TypeError("only an OutboxEntry can be stored")
    key = entry.events[0].key
    return {
        "topic": topic,
        "partition": partition,
        "offset": offset,
        "emitter": entry.emitter,
        "cause": entry.cause,
        "time": entry.time,
        "correlation": entry.correlation,
        "traceparent": entry.traceparent,
        "key": key.decode(),
        "events": [_stored_event(event, key) for event in entry.events],
    }


def _stored_event(event: SerializedEvent, key: bytes) -> dict[str, str]:
    stored = {"type": event.type, "json": event.value.decode()}
    if event.key != key:
        stored["key"] = event.key.decode()
    if event.topic_name is not None:
        stored["topic"] = event.topic_name
    return stored


def pending_from(stored: Mapping[str, Any]) -> PendingEvents:
    """The pending events of a stored form."""
    return PendingEvents(stored["topic"], stored["partition"], stored["offset"], StoredEntry(stored))
