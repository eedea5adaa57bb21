"""Messages on the wire: CloudEvents 1.0 in Kafka binary mode (headers ``ce_*``, JSON body).

https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/kafka-protocol-binding.md
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any, Generic, TypeVar
from uuid import UUID

from pydantic import ValidationError

from contracts.messages import Message
from contracts.topics import Topic, topic_of

M = TypeVar("M", bound=Message)
Headers = tuple[tuple[str, bytes], ...]


@dataclass(frozen=True, slots=True)
class Record:
    """A Kafka record to be produced."""

    topic: str
    key: bytes
    value: bytes
    headers: Headers


@dataclass(frozen=True, slots=True)
class Envelope(Generic[M]):
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


class BrokenContract(ValueError):
    """The record is not a message of its topic; the text says why, and never repeats content."""


def encode(envelope: Envelope[Any]) -> Record:
    """The record for ``envelope``, on the topic and with the key that its message type prescribes."""
    data = envelope.data
    attributes = {
        "ce_specversion": "1.0",
        "ce_id": str(envelope.id),
        "ce_type": data.type,
        "ce_source": envelope.source,
        "ce_time": envelope.time.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        "ce_subject": data.key,
        "ce_correlationid": str(envelope.correlation_id),
        "content-type": "application/json",
    }
    if envelope.causation_id is not None:
        attributes["ce_causationid"] = str(envelope.causation_id)
    if envelope.traceparent is not None:
        attributes["ce_traceparent"] = envelope.traceparent
    return Record(
        topic=topic_of(type(data)).name,
        key=data.key.encode(),
        value=data.model_dump_json().encode(),
        headers=tuple((name, value.encode()) for name, value in attributes.items()),
    )


def decode(topic: Topic, value: bytes | None, headers: Sequence[tuple[str, bytes | None]]) -> Envelope[Any]:
    """The message in a record of ``topic``. Raises ``BrokenContract``."""
    try:
        attributes = {name: raw.decode() for name, raw in headers if raw is not None}
    except UnicodeDecodeError:
        raise BrokenContract("a header is not UTF-8") from None
    try:
        types = {message.type: message for message in topic.messages}
        message_type = types.get(attributes["ce_type"])
        if message_type is None:
            raise BrokenContract("the type in ce_type does not belong on this topic")
        time = datetime.fromisoformat(attributes["ce_time"])
        if time.tzinfo is None:
            raise BrokenContract("ce_time has no zone")
        causation = attributes.get("ce_causationid")
        envelope_id = UUID(attributes["ce_id"])
        return Envelope(
            id=envelope_id,
            time=time,
            source=attributes["ce_source"],
            data=message_type.model_validate_json(value or b"", strict=True),
            correlation_id=UUID(attributes.get("ce_correlationid", str(envelope_id))),
            causation_id=None if causation is None else UUID(causation),
            traceparent=attributes.get("ce_traceparent"),
        )
    except KeyError as missing:
        raise BrokenContract(f"the header {missing.args[0]} is missing") from None
    except ValidationError as error:
        problems = "; ".join(
            f"{_place(types[attributes['ce_type']], item['loc'])}: {item['type']}"
            for item in error.errors(include_input=False, include_url=False, include_context=False)
        )
        raise BrokenContract(f"the body breaks its contract: {problems[:500]}") from None
    except ValueError as error:
        if isinstance(error, BrokenContract):
            raise
        raise BrokenContract("a CloudEvents header cannot be read (ce_id, ce_time or an id)") from None


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
