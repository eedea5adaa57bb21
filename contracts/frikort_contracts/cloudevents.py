"""Messages on the wire: CloudEvents 1.0 in Kafka binary mode (headers ``ce_*``, JSON body).

https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/kafka-protocol-binding.md
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Any, Generic, NamedTuple, TypeVar
from uuid import UUID

from pydantic import ValidationError
from pydantic_core import SchemaValidator, core_schema, to_json

from frikort_contracts.messages import EventFields, Message
from frikort_contracts.topics import MESSAGE_TYPES, Topic, topic_of

M = TypeVar("M", bound=Message)
Header = tuple[str, bytes]
Headers = tuple[Header, ...]

_SPECVERSION = ("ce_specversion", b"1.0")
_CONTENT_TYPE = ("content-type", b"application/json")
# A fifth of what UUID(text) takes.
_uuid = SchemaValidator(core_schema.uuid_schema()).validate_python


class Record(NamedTuple):
    """A Kafka record to be produced. With an empty value it deletes its key from a compacted topic."""

    topic: str
    key: bytes
    value: bytes
    headers: Headers


class Envelope(NamedTuple, Generic[M]):
    """A message with its CloudEvents attributes.

    ``id`` is the message id, never reused; ``time`` is UTC, from the gateway's clock when the causing command
    arrived. ``causation_id`` is the message that caused this one; ``correlation_id`` the request, payroll file or job
    that began it, and the id of its trace.
    """

    id: UUID
    time: datetime
    source: str
    data: M
    correlation_id: UUID
    causation_id: UUID | None = None
    traceparent: str | None = None


class BrokenContract(ValueError):
    """The record is not a valid message of its topic. The text gives the reason and repeats no content."""


def encode(envelope: Envelope[Any]) -> Record:
    """The record for ``envelope``, on the topic and with the key that its message type prescribes."""
    headers = context_headers(
        source=envelope.source,
        time=time_text(envelope.time),
        correlation_id=id_text(envelope.correlation_id),
        causation_id=None if envelope.causation_id is None else id_text(envelope.causation_id),
        traceparent=envelope.traceparent,
    )
    message = envelope.data
    return event_record(
        message.type, message.key.encode(), to_json_bytes(message), id_text(envelope.id), headers, message.topic_name
    )


def to_json_bytes(message: Message | EventFields) -> bytes:
    """The body of a record. Raises ``KeyError`` for a message type that no topic carries."""
    _wire_of(message.type)
    if isinstance(message, EventFields):
        return to_json(message.fields)
    return message.__pydantic_serializer__.to_json(message)


def event_record(
    message_type: str, key: bytes, value: bytes, message_id: str, context: Headers, topic_name: str | None = None
) -> Record:
    """The record of a serialized message. ``message_id`` is the text of a UUID; see ``context_headers`` too.

    ``topic_name`` is that of a message whose type several topics carry.
    """
    topic, type_header = _wire_of(message_type)
    if topic_name is not None:
        topic = topic_name
    headers = (_SPECVERSION, ("ce_id", message_id.encode()), type_header, ("ce_subject", key), *context)
    return Record(topic, key, value, headers)


def tombstone(topic: Topic, key: str) -> Record:
    """The record that deletes ``key`` from a compacted topic."""
    return Record(topic.name, key.encode(), b"", ())


def context_headers(
    *, source: str, time: str, correlation_id: str, causation_id: str | None, traceparent: str | None
) -> Headers:
    """Headers shared by all events of one source and one cause. See ``time_text`` and ``id_text`` for time and ids."""
    headers = [
        ("ce_source", source.encode()),
        ("ce_time", time.encode()),
        ("ce_correlationid", correlation_id.encode()),
        _CONTENT_TYPE,
    ]
    if causation_id is not None:
        headers.append(("ce_causationid", causation_id.encode()))
    if traceparent is not None:
        headers.append(("ce_traceparent", traceparent.encode()))
    return tuple(headers)


def time_text(time: datetime) -> str:
    """``time`` as ``ce_time`` gives it: RFC 3339, UTC."""
    return to_json(time if time.tzinfo is UTC else time.astimezone(UTC))[1:-1].decode()


@cache
def _wire_of(message_type: str) -> tuple[str, Header]:
    """The topic name and the type header of a CloudEvents type."""
    return topic_of(MESSAGE_TYPES[message_type]).name, ("ce_type", message_type.encode())


def id_text(message_id: UUID) -> str:
    """``str(message_id)``, in a third of the time."""
    return to_json(message_id)[1:-1].decode()


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
        if (source := attributes["ce_source"]) not in topic.sources:
            raise BrokenContract("the source in ce_source may not write to this topic")
        time = datetime.fromisoformat(attributes["ce_time"])
        if time.tzinfo is None:
            raise BrokenContract("ce_time has no zone")
        causation, correlation = attributes.get("ce_causationid"), attributes.get("ce_correlationid")
        message_id = _uuid(attributes["ce_id"])
        return Envelope(
            message_id,
            time,
            source,
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
        return message_type.__pydantic_validator__.validate_json(value or b"", strict=True)  # type: ignore[no-any-return]
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
