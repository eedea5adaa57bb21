"""Emitted events as a document keeps them until they are published.

Topic, ids and headers of the records are derived from the stored facts, the same way each time. See
``docs/decisions/0016-outbox-of-what-follows.md``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha1
from typing import Any, NamedTuple
from uuid import UUID

from frikort_contracts.cloudevents import Envelope, Record, context_headers, event_record, time_text, to_json_bytes
from frikort_contracts.messages import Message
from frikort_contracts.topics import source_of


class SerializedEvent(NamedTuple):
    """An event as it goes into a record: its CloudEvents type, its key and its JSON."""

    type: str
    key: bytes
    value: bytes


@dataclass(slots=True)
class OutboxEntry:
    """The events that one message made a processor emit. Iterating yields their records, in order.

    ``emitter`` is ``<service>/<processor>``. The id of a record is the UUIDv5 of the cause's id and
    ``<emitter>/<index>``. ``time`` is the ``ce_time`` of the cause.
    """

    emitter: str
    cause_id: UUID
    time: str
    correlation_id: UUID
    traceparent: str | None
    events: tuple[SerializedEvent, ...]

    def __iter__(self) -> Iterator[Record]:
        context = context_headers(
            source=source_of(self.emitter.partition("/")[0]),
            time=self.time,
            correlation_id=self.correlation_id,
            causation_id=self.cause_id,
            traceparent=self.traceparent,
        )
        for index, event in enumerate(self.events):
            message_id = _uuid5_text(self.cause_id, f"{self.emitter}/{index}")
            yield event_record(event.type, event.key, event.value, message_id, context)


def emit(cause: Envelope[Any], emitter: str, events: Sequence[Message]) -> OutboxEntry:
    """The outbox entry for ``events``, which ``cause`` made the processor ``emitter`` emit.

    Raises ``KeyError`` for an event that no topic carries.
    """
    return OutboxEntry(
        emitter,
        cause.id,
        time_text(cause.time),
        cause.correlation_id,
        cause.traceparent,
        tuple([SerializedEvent(event.type, event.key.encode(), to_json_bytes(event)) for event in events]),
    )


def _uuid5_text(namespace: UUID, name: str) -> bytes:
    """``str(uuid5(namespace, name)).encode()``, in a third of the time."""
    digits = sha1(namespace.bytes + name.encode(), usedforsecurity=False).hexdigest()
    variant = "89ab"[int(digits[16], 16) & 3]
    return f"{digits[:8]}-{digits[8:12]}-5{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:32]}".encode()
