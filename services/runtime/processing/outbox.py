"""Emitted events as a document keeps them until they are published.

Topic, ids and headers of the records are derived from the stored facts, the same way each time. See
``docs/decisions/0016-outbox-of-what-follows.md``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

from frikort_contracts.cloudevents import (
    Envelope,
    Record,
    context_headers,
    event_record,
    id_text,
    time_text,
    to_json_bytes,
)
from frikort_contracts.messages import EventFields, Message
from frikort_contracts.topics import source_of
from frikort_contracts.uuids import uuid5_text


class SerializedEvent(NamedTuple):
    """An event as it goes into a record: its CloudEvents type, its key and its JSON.

    ``topic_name`` is that of an event whose type several topics carry.
    """

    type: str
    key: bytes
    value: bytes
    topic_name: str | None = None


@dataclass(slots=True)
class OutboxEntry:
    """The events that one message made a processor emit.

    ``emitter`` is ``<service>/<processor>``, ``cause`` the id of the message, ``correlation`` and ``time`` are its
    ``ce_correlationid`` and ``ce_time``. The id of a record is the UUIDv5 of the cause's id and ``<emitter>/<index>``.
    """

    emitter: str
    cause: str
    time: str
    correlation: str
    traceparent: str | None
    events: tuple[SerializedEvent, ...]

    @property
    def size(self) -> int:
        """The length of the events' JSON, in bytes."""
        return sum([len(event.value) for event in self.events])

    def records(self) -> list[Record]:
        """The records of the events, in order."""
        emitter = self.emitter
        context = context_headers(
            source=_source_of(emitter),
            time=self.time,
            correlation_id=self.correlation,
            causation_id=self.cause,
            traceparent=self.traceparent,
        )
        namespace = bytes.fromhex(self.cause.replace("-", ""))
        return [
            event_record(message_type, key, value, uuid5_text(namespace, f"{emitter}/{index}"), context, topic_name)
            for index, (message_type, key, value, topic_name) in enumerate(self.events)
        ]


@cache
def _source_of(emitter: str) -> str:
    return source_of(emitter.partition("/")[0])


def emit(cause: Envelope[Any], cause_id: str, emitter: str, events: Sequence[Message | EventFields]) -> OutboxEntry:
    """The outbox entry for ``events``, which ``cause`` made the processor ``emitter`` emit.

    ``cause_id`` is the text of the cause's id. Raises ``KeyError`` for an event that no topic carries.
    """
    return OutboxEntry(
        emitter,
        cause_id,
        time_text(cause.time),
        id_text(cause.correlation_id),
        cause.traceparent,
        tuple(
            [
                SerializedEvent(event.type, event.key.encode(), to_json_bytes(event), event.topic_name)
                for event in events
            ]
        ),
    )
