"""Messages on the wire: CloudEvents 1.0 in Kafka binary mode (headers ``ce_*``, JSON body).

https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/kafka-protocol-binding.md
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from hashlib import sha1
from typing import Any, Generic, NamedTuple, TypeVar
from uuid import UUID

from pydantic import ValidationError
from pydantic_core import SchemaValidator, core_schema, to_json

from frikort_contracts.messages import Message
from frikort_contracts.topics import MESSAGE_TYPES, Topic, topic_of

M = TypeVar("M", bound=Message)
Header = tuple[str, bytes]
Headers = tuple[Header, ...]

_SPECVERSION = ("ce_specversion", b"1.0")
_CONTENT_TYPE = ("content-type", b"application/json")
# A fifth of what UUID(text) takes.
_uuid = SchemaValidator(core_schema.uuid_schema()).validate_python


class Record(NamedTuple):
    """A Kafka record to be produced."""

    topic: str
    key: bytes
    value: bytes
    headers: Headers


class Envelope(NamedTuple, Generic[M]):
    """A message with its CloudEvents attributes.

    ``id`` is the message id, unique for ever; ``time`` is UTC: the gateway's clock when the causing command
    entered. ``causation_id`` is the message that caused this one; ``correlation_id`` the command that began it.
    """

    id: UUID
    time: datetime
    source: str
    data: M
    correlation_id: UUID
    causation_id: UUID | None = None
    traceparent: str | None = None


class Written(NamedTuple):
    """An event as it goes into a record: its type, its key and its JSON."""

    type: str
    key: bytes
    value: bytes


@dataclass(slots=True)
class Told:
    """What one message made a processor tell, and all that the records of it follow from.

    ``by`` is ``<service>/<processor>``; the ids of the records are UUIDv5 of the cause's id and ``<by>/<index>``, so
    they are the same whenever they are made. ``time`` is the cause's, as in ``ce_time``.
    """

    by: str
    cause_id: UUID
    time: str
    correlation_id: UUID
    traceparent: str | None
    events: tuple[Written, ...]

    def __iter__(self) -> Iterator[Record]:
        """The records, in order."""
        source = "/frikort/" + self.by.partition("/")[0]
        context = _context(source, self.time, self.correlation_id, self.cause_id, self.traceparent)
        for index, event in enumerate(self.events):
            yield _record(event, _uuid5(self.cause_id, f"{self.by}/{index}"), context)


class BrokenContract(ValueError):
    """The record is not a message of its topic; the text says why, and never repeats content."""


def encode(envelope: Envelope[Any]) -> Record:
    """The record for ``envelope``, on the topic and with the key that its message type prescribes."""
    context = _context(
        envelope.source,
        _time_text(envelope.time),
        envelope.correlation_id,
        envelope.causation_id,
        envelope.traceparent,
    )
    return _record(_written(envelope.data), _text_of(envelope.id), context)


def tell(cause: Envelope[Any], by: str, events: Sequence[Message]) -> Told:
    """What ``cause`` made the processor ``by`` (``<service>/<processor>``) tell."""
    return Told(
        by,
        cause.id,
        _time_text(cause.time),
        cause.correlation_id,
        cause.traceparent,
        tuple([_written(event) for event in events]),
    )


def _written(message: Message) -> Written:
    _wire_of(message.type)  # what has no topic fails here, with the rule that made it
    return Written(message.type, message.key.encode(), message.__pydantic_serializer__.to_json(message))


def _record(event: Written, message_id: bytes, context: Headers) -> Record:
    topic, type_header = _wire_of(event.type)
    headers = (_SPECVERSION, ("ce_id", message_id), type_header, ("ce_subject", event.key), *context)
    return Record(topic, event.key, event.value, headers)


@cache
def _wire_of(message_type: str) -> tuple[str, Header]:
    """Of a CloudEvents type, the name of its topic and its header."""
    return topic_of(MESSAGE_TYPES[message_type]).name, ("ce_type", message_type.encode())


def _context(
    source: str, time: str, correlation_id: UUID, causation_id: UUID | None, traceparent: str | None
) -> Headers:
    """The headers that all have which one cause made one source tell."""
    headers = [
        ("ce_source", source.encode()),
        ("ce_time", time.encode()),
        ("ce_correlationid", _text_of(correlation_id)),
        _CONTENT_TYPE,
    ]
    if causation_id is not None:
        headers.append(("ce_causationid", _text_of(causation_id)))
    if traceparent is not None:
        headers.append(("ce_traceparent", traceparent.encode()))
    return tuple(headers)


def _text_of(message_id: UUID) -> bytes:
    """``str(message_id).encode()``, in half of the time."""
    return to_json(message_id)[1:-1]


def _time_text(time: datetime) -> str:
    return to_json(time.astimezone(UTC))[1:-1].decode()


def _uuid5(space: UUID, name: str) -> bytes:
    """``str(uuid5(space, name)).encode()``, in a third of the time."""
    digits = sha1(space.bytes + name.encode(), usedforsecurity=False).hexdigest()
    variant = "89ab"[int(digits[16], 16) & 3]
    return f"{digits[:8]}-{digits[8:12]}-5{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:32]}".encode()


def decode(topic: Topic, value: bytes | None, headers: Sequence[tuple[str, bytes | None]]) -> Envelope[Any]:
    """The message in a record of ``topic``. Raises ``BrokenContract``."""
    try:
        attributes = {name: raw.decode() for name, raw in headers if raw is not None}
    except UnicodeDecodeError:
        raise BrokenContract("a header is not UTF-8") from None
    try:
        message_type = topic.types.get(attributes["ce_type"])
        if message_type is None:
            raise BrokenContract("the type in ce_type does not belong on this topic")
        time = datetime.fromisoformat(attributes["ce_time"])
        if time.tzinfo is None:
            raise BrokenContract("ce_time has no zone")
        causation, correlation = attributes.get("ce_causationid"), attributes.get("ce_correlationid")
        message_id = _uuid(attributes["ce_id"])
        return Envelope(
            message_id,
            time,
            attributes["ce_source"],
            _read(message_type, value),
            message_id if correlation is None else _uuid(correlation),
            None if causation is None else _uuid(causation),
            attributes.get("ce_traceparent"),
        )
    except KeyError as missing:
        raise BrokenContract(f"the header {missing.args[0]} is missing") from None
    except ValueError as error:
        if isinstance(error, BrokenContract):
            raise
        raise BrokenContract("a CloudEvents header cannot be read (ce_id, ce_time or an id)") from None


def _read(message_type: type[M], value: bytes | None) -> M:
    try:
        return message_type.model_validate_json(value or b"", strict=True)
    except ValidationError as error:
        problems = "; ".join(
            f"{_place(message_type, item['loc'])}: {item['type']}"
            for item in error.errors(include_input=False, include_url=False, include_context=False)
        )
        raise BrokenContract(f"the body breaks its contract: {problems[:500]}") from None


def _place(message_type: type[Message], location: Sequence[int | str]) -> str:
    # The sender chose the name of an unknown field: only names that the contract knows may be repeated.
    known = _field_names(message_type)
    return ".".join(str(p) if isinstance(p, int) or p in known else "(unknown)" for p in location) or "body"


@cache
def _field_names(message_type: type[Message]) -> frozenset[str]:
    schema = message_type.model_json_schema()
    return frozenset(
        name for part in (schema, *schema.get("$defs", {}).values()) for name in part.get("properties", ())
    )
