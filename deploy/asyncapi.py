"""The AsyncAPI 3.0 document: every topic of the topic table, its writers and readers, and how clients connect."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from frikort_contracts import __version__
from frikort_contracts.access import is_authority
from frikort_contracts.messages import Command, Message
from frikort_contracts.topics import MESSAGE_TYPES, TOPICS, Topic
from pydantic.json_schema import JsonSchemaMode, models_json_schema

SCHEMAS: Final = "schemas"
"""The folder of the JSON Schemas, beside the document."""

MODE: Final[JsonSchemaMode] = "validation"
"""Schemas describe what a reader accepts."""

_ABOUT: Final = """\
Frikort is the system behind Denmark's *socialt frikort*: a citizen with special social problems may earn a yearly
amount free of tax. Municipalities issue cards, employers report earnings, and the balance of each card and year is
kept and published to those who may know it. Every command and every event is a record on one of these topics.

**On the wire.** Each record is a CloudEvents 1.0 event in Kafka *binary content mode*: the attributes are headers
`ce_*` (UTF-8), the value is the JSON of the message body alone. `ce_type` says which message of the topic it is; any
CloudEvents SDK reads it. A name ends in its version: a change that would break a reader is a new type beside the old.

**Order.** The record key decides the partition; records with the same key are in order. Everything about one person is
keyed by `card_id`, and every topic with that key has the same number of partitions, so one person's events of a topic
come in the order in which they happened. Between topics there is no order: `revision` counts each subject's changes
from 1 without a gap; the higher of two is newer.

**Delivery is at least once.** A record may be delivered again, with the same `ce_id` and the same bytes. Store the ids
that you have processed, or process idempotently. `ce_id` is unique. `ce_causationid` is the message that caused this
one, `ce_correlationid` the request, payroll file or job that began both. The 32 digits of `ce_correlationid` are the id
of a trace (W3C Trace Context); `traceparent` may differ from one delivery to the next.

**Reading.** Ignore fields that you do not know: a newer writer may add optional ones. Commands are strict, an unknown
field breaks the contract. `ce_time` is UTC: when the causing command entered the system. A *year* is the calendar year
in Europe/Copenhagen of the payment date. Dates are `YYYY-MM-DD`.

**Money** is a whole number of øre (1/100 krone), never a decimal fraction.

**No CPR number and no name travels in the clear.** A person is a `card_id`. Personal data is encrypted: for
Frikort's own services with authenticated encryption, for an authority as a JWE that only its private key decrypts.

**A record that breaks its contract** goes to the topic's dead-letter topic (`<topic>.dead`) with its original key,
value and headers and the reason, which repeats no content. It does not block the records after it. A replay of it has
`frikort_replay` as its last header, with the processor that rejected the record: every other reader passes over it.
"""

HEADERS_SCHEMA: Final[dict[str, Any]] = {
    "type": "object",
    "description": "CloudEvents 1.0 attributes as Kafka headers, each a UTF-8 string.",
    "required": ["ce_specversion", "ce_id", "ce_type", "ce_source", "ce_time"],
    "properties": {
        "ce_specversion": {"type": "string", "const": "1.0", "description": "CloudEvents version."},
        "ce_id": {"type": "string", "format": "uuid", "description": "Id of this message; the same on every delivery."},
        "ce_type": {"type": "string", "description": "Which message this is; names the schema of the body."},
        "ce_source": {
            "type": "string",
            "format": "uri-reference",
            "description": "The process that wrote it: one of the writers of the topic.",
        },
        "ce_time": {"type": "string", "format": "date-time", "description": "UTC; when the causing command entered."},
        "ce_subject": {"type": "string", "description": "The record key."},
        "ce_correlationid": {
            "type": "string",
            "format": "uuid",
            "description": "The request, payroll file or job that began it; without hyphens the id of its trace.",
        },
        "ce_causationid": {"type": "string", "format": "uuid", "description": "The message that caused this one."},
        "ce_traceparent": {"type": "string", "description": "W3C trace context of the request that began it."},
        "traceparent": {"type": "string", "description": "W3C trace context of the publish, where it is traced."},
        "content-type": {
            "type": "string",
            "const": "application/json",
            "description": "Media type of the value.",
        },
    },
}

DEAD_HEADERS_SCHEMA: Final[dict[str, Any]] = {
    "type": "object",
    "description": "The original headers, and these (UTF-8 strings).",
    "required": [
        *("dead_reason", "dead_service", "dead_processor", "dead_topic", "dead_partition", "dead_offset", "dead_replay")
    ],
    "properties": {
        "dead_reason": {"type": "string", "description": "Why the record was rejected; repeats no content."},
        "dead_service": {"type": "string", "description": "The service that rejected it."},
        "dead_processor": {"type": "string", "description": "The processor of that service that rejected it."},
        "dead_topic": {"type": "string", "description": "The topic from which it was read."},
        "dead_partition": {"type": "string", "description": "The partition of the original record."},
        "dead_offset": {"type": "string", "description": "The offset of the original record."},
        "dead_replay": {
            "type": "string",
            "description": "The number of the replay that was rejected; 0: the original.",
        },
    },
}


def asyncapi() -> dict[str, Any]:
    """The AsyncAPI 3.0 document of every topic of the topic table, their dead-letter topics included."""
    _, definitions = models_json_schema(
        [(message, MODE) for message in MESSAGE_TYPES.values()], ref_template="#/components/schemas/{model}"
    )
    return {
        "asyncapi": "3.0.0",
        "id": "urn:frikort:topics",
        "info": {"title": "Frikort: topics and messages", "version": __version__, "description": _ABOUT},
        "defaultContentType": "application/json",
        "servers": {
            "production": _server(
                "kafka-secure", "broker:9093", "Over TLS; ask the operator for bootstrap servers, user and password."
            ),
            "local": _server("kafka", "localhost:9092", "On one machine: the same users, without TLS."),
        },
        "channels": dict(_channels()),
        "operations": dict(_operations()),
        "components": {
            "securitySchemes": {
                "scram": {
                    "type": "scramSha512",
                    "description": "SASL SCRAM-SHA-512. Users are the writers and readers that the channels name "
                    "(`x-writers`, `x-readers`); each may do what that says and nothing else. The consumer groups of "
                    "an authority begin with its user name and a dot.",
                }
            },
            "messages": {
                **{message.__name__: _message(message) for message in MESSAGE_TYPES.values()},
                "DeadLetter": _dead_letter(),
            },
            "schemas": {**definitions["$defs"], "Headers": HEADERS_SCHEMA, "DeadLetterHeaders": DEAD_HEADERS_SCHEMA},
        },
    }


def _server(protocol: str, host: str, description: str) -> dict[str, Any]:
    return {
        "host": "{bootstrap}",
        "protocol": protocol,
        "description": f"Apache Kafka. {description}",
        "variables": {"bootstrap": {"default": host, "description": "host:port of a broker."}},
        "security": [_ref("components", "securitySchemes", "scram")],
    }


def _channels() -> Iterator[tuple[str, dict[str, Any]]]:
    for topic in TOPICS:
        yield (
            topic.name,
            _channel(
                topic,
                topic.name,
                f"Keyed by {topic.key}. Written by {', '.join(topic.writers)}; read by {', '.join(topic.readers)}.",
                {message.__name__: _ref("components", "messages", message.__name__) for message in topic.messages},
                writers=topic.writers,
                readers=topic.readers,
                retention_ms=-1 if topic.retention is None else int(topic.retention.total_seconds() * 1000),
                cleanup=topic.cleanup,
            ),
        )
        yield (
            topic.dead,
            _channel(
                topic,
                topic.dead,
                f"Records of {topic.name} that a reader rejected, unchanged, with the reason. Kept without limit; an "
                "operator replays or discards them.",
                {"DeadLetter": _ref("components", "messages", "DeadLetter")},
                writers=_services(topic.readers),
                readers=(),
                retention_ms=-1,
                cleanup="delete",
            ),
        )


def _channel(
    topic: Topic,
    name: str,
    description: str,
    messages: Mapping[str, Any],
    *,
    writers: Sequence[str],
    readers: Sequence[str],
    retention_ms: int,
    cleanup: str,
) -> dict[str, Any]:
    return {
        "address": name,
        "description": description,
        "messages": dict(messages),
        "bindings": {
            "kafka": {
                "topic": name,
                "partitions": topic.partitions,
                "topicConfiguration": {"cleanup.policy": [cleanup], "retention.ms": retention_ms},
                "bindingVersion": "0.5.0",
            }
        },
        "x-key": topic.key,
        "x-retention": "unlimited" if retention_ms < 0 else f"{retention_ms // 86_400_000} days",
        "x-writers": list(writers),
        "x-readers": list(readers),
    }


def _message(message: type[Message]) -> dict[str, Any]:
    kind = "Command" if issubclass(message, Command) else "Event"
    topic = next(topic for topic in TOPICS if message in topic.messages)
    return {
        "name": message.type,
        "title": message.__name__,
        "summary": f"{kind}; ce_type is {message.type}",
        "description": _paragraph(message),
        "contentType": "application/json",
        "headers": _ref("components", "schemas", "Headers"),
        "payload": _ref("components", "schemas", message.__name__),
        "correlationId": {"location": "$message.header#/ce_correlationid"},
        "bindings": {"kafka": {"key": {"type": "string", "description": topic.key}, "bindingVersion": "0.5.0"}},
        "x-schema": f"{SCHEMAS}/{message.type}.json",
    }


def _dead_letter() -> dict[str, Any]:
    return {
        "name": "dead-letter",
        "title": "DeadLetter",
        "description": "The original record: its key, value and headers byte for byte, and the dead_* headers.",
        "headers": _ref("components", "schemas", "DeadLetterHeaders"),
        "payload": {"description": "The original bytes, whatever they are."},
        "bindings": {"kafka": {"key": {"description": "The original key."}, "bindingVersion": "0.5.0"}},
    }


def _operations() -> Iterator[tuple[str, dict[str, Any]]]:
    for topic in TOPICS:
        names = [message.__name__ for message in topic.messages]
        for writer in topic.writers:
            yield f"{writer}.send.{topic.name}", _operation("send", writer, topic.name, names)
        for reader in topic.readers:
            yield f"{reader}.receive.{topic.name}", _operation("receive", reader, topic.name, names)
        for reader in _services(topic.readers):
            yield f"{reader}.send.{topic.dead}", _operation("send", reader, topic.dead, ["DeadLetter"])
            yield f"{reader}.receive.{topic.dead}", _operation("receive", reader, topic.dead, ["DeadLetter"])


def _operation(action: str, who: str, channel: str, messages: Sequence[str]) -> dict[str, Any]:
    return {
        "action": action,
        "channel": _ref("channels", channel),
        "summary": f"{who} {'writes' if action == 'send' else 'reads'} {channel}",
        "messages": [_ref("channels", channel, "messages", name) for name in messages],
        "x-service": who,
    }


def _services(names: Sequence[str]) -> tuple[str, ...]:
    return tuple(name for name in names if not is_authority(name))


def _ref(*path: str) -> dict[str, str]:
    return {"$ref": "#/" + "/".join(path)}


def _paragraph(message: type[Message]) -> str:
    return " ".join((message.__doc__ or "").split())
