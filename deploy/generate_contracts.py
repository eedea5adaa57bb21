"""Writes the contracts for people who do not read Python: ``python -m deploy.generate_contracts`` (``make schemas``).

``contracts/schemas/<type>.json`` is the JSON Schema of each message body, ``contracts/asyncapi.json`` the AsyncAPI 3.0
document of every topic, ``contracts/openapi.json`` the OpenAPI 3.1 document of the HTTP API. ``--check`` writes nothing
and exits 1 if a committed file differs. ``--release`` also writes the baseline ``contracts/released/``, with which the
tests compare every later change. It is refused if it would break the present baseline in a way that
``contracts/CHANGELOG.md`` does not list under "Breaking".
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from fastapi import FastAPI
from frikort_contracts import __version__
from frikort_contracts.messages import Command, Message
from frikort_contracts.topics import MESSAGE_TYPES, TOPICS, Topic
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from deploy.contract_compatibility import EVENT, Breaking, Use, allowed_by, api_broken_by, broken_by, read
from services.gateway.app import ROUTERS, operation_id
from services.gateway.openapi import PLACEHOLDERS, create_document

ROOT: Final = Path(__file__).parents[1] / "contracts"
SCHEMAS: Final = "schemas"
RELEASED: Final = "released"
ASYNCAPI: Final = "asyncapi.json"
OPENAPI: Final = "openapi.json"
HEADERS: Final = "headers.json"
DEAD_LETTER_HEADERS: Final = "dead-letter-headers.json"
TOPIC_TABLE: Final = "topics.json"
CHANGELOG: Final = "CHANGELOG.md"

_MODE: Final[JsonSchemaMode] = "validation"
_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"

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
one, `ce_correlationid` the command that caused both.

**Reading.** Ignore fields that you do not know: a newer writer may add optional ones. Commands are strict, an unknown
field breaks the contract. `ce_time` is UTC: when the causing command entered the system. A *year* is the calendar year
in Europe/Copenhagen of the payment date. Dates are `YYYY-MM-DD`.

**Money** is a whole number of øre (1/100 krone), never a decimal fraction.

**No CPR number and no name travels in the clear.** A person is a `card_id`. Personal data is encrypted: for
Frikort's own services with authenticated encryption, for an authority as a JWE that only its private key decrypts.

**A record that breaks its contract** goes to the topic's dead-letter topic (`<topic>.dead`) with its original key,
value and headers and the reason, which repeats no content. It does not block the records after it.
"""

_HEADERS: Final[dict[str, Any]] = {
    "type": "object",
    "description": "CloudEvents 1.0 attributes as Kafka headers, each a UTF-8 string.",
    "required": ["ce_specversion", "ce_id", "ce_type", "ce_source", "ce_time"],
    "properties": {
        "ce_specversion": {"type": "string", "const": "1.0", "description": "CloudEvents version."},
        "ce_id": {"type": "string", "format": "uuid", "description": "Id of this message; the same on every delivery."},
        "ce_type": {"type": "string", "description": "Which message this is; names the schema of the body."},
        "ce_source": {"type": "string", "format": "uri-reference", "description": "The service that wrote it."},
        "ce_time": {"type": "string", "format": "date-time", "description": "UTC; when the causing command entered."},
        "ce_subject": {"type": "string", "description": "The record key."},
        "ce_correlationid": {
            "type": "string",
            "format": "uuid",
            "description": "The command that caused it.",
        },
        "ce_causationid": {"type": "string", "format": "uuid", "description": "The message that caused this one."},
        "ce_traceparent": {"type": "string", "description": "W3C trace context."},
        "content-type": {
            "type": "string",
            "const": "application/json",
            "description": "Media type of the value.",
        },
    },
}
_DEAD_HEADERS: Final[dict[str, Any]] = {
    "type": "object",
    "description": "The original headers, and these (UTF-8 strings).",
    "required": ["dead_reason", "dead_service", "dead_processor", "dead_topic", "dead_partition", "dead_offset"],
    "properties": {
        "dead_reason": {"type": "string", "description": "Why the record was rejected; repeats no content."},
        "dead_service": {"type": "string", "description": "The service that rejected it."},
        "dead_processor": {"type": "string", "description": "The processor of that service that rejected it."},
        "dead_topic": {"type": "string", "description": "The topic from which it was read."},
        "dead_partition": {"type": "string", "description": "The partition of the original record."},
        "dead_offset": {"type": "string", "description": "The offset of the original record."},
    },
}


def schema_of(message: type[Message]) -> dict[str, Any]:
    """The JSON Schema (2020-12) of one message's body."""
    schema = message.model_json_schema(mode=_MODE)
    return {"$schema": _DIALECT, "$id": f"urn:frikort:schema:{message.type}", **schema, "title": message.__name__}


def asyncapi() -> dict[str, Any]:
    """The AsyncAPI 3.0 document of every topic of the topic table, their dead-letter topics included."""
    _, definitions = models_json_schema(
        [(message, _MODE) for message in MESSAGE_TYPES.values()], ref_template="#/components/schemas/{model}"
    )
    return {
        "asyncapi": "3.0.0",
        "id": "urn:frikort:topics",
        "info": {"title": "Frikort: topics and messages", "version": __version__, "description": _ABOUT},
        "defaultContentType": "application/json",
        "servers": {
            "kafka": {
                "host": "{bootstrap}",
                "protocol": "kafka",
                "description": "Apache Kafka; ask the operator for bootstrap servers and credentials.",
                "variables": {"bootstrap": {"default": "localhost:9092", "description": "host:port of a broker."}},
            }
        },
        "channels": dict(_channels()),
        "operations": dict(_operations()),
        "components": {
            "messages": {
                **{message.__name__: _message(message) for message in MESSAGE_TYPES.values()},
                "DeadLetter": _dead_letter(),
            },
            "schemas": {**definitions["$defs"], "Headers": _HEADERS, "DeadLetterHeaders": _DEAD_HEADERS},
        },
    }


def openapi() -> dict[str, Any]:
    """The OpenAPI 3.1 document of the gateway's API, with placeholders for the addresses of an installation."""
    app = FastAPI(generate_unique_id_function=operation_id)
    for router in ROUTERS:
        app.include_router(router)
    return create_document(app.routes, PLACEHOLDERS)


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
) -> dict[str, Any]:
    return {
        "address": name,
        "description": description,
        "messages": dict(messages),
        "bindings": {
            "kafka": {
                "topic": name,
                "partitions": topic.partitions,
                "topicConfiguration": {"cleanup.policy": ["delete"], "retention.ms": retention_ms},
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


def _operation(action: str, who: str, channel: str, messages: Sequence[str]) -> dict[str, Any]:
    return {
        "action": action,
        "channel": _ref("channels", channel),
        "summary": f"{who} {'writes' if action == 'send' else 'reads'} {channel}",
        "messages": [_ref("channels", channel, "messages", name) for name in messages],
        "x-service": who,
    }


def _services(names: Sequence[str]) -> tuple[str, ...]:
    return tuple(name for name in names if not name.startswith("authority:"))


def _ref(*path: str) -> dict[str, str]:
    return {"$ref": "#/" + "/".join(path)}


def _paragraph(message: type[Message]) -> str:
    return " ".join((message.__doc__ or "").split())


def generated() -> dict[str, str]:
    """Every generated file, as path under ``contracts/`` and text."""
    files = {f"{SCHEMAS}/{name}.json": _text(schema_of(message)) for name, message in MESSAGE_TYPES.items()}
    return {**files, ASYNCAPI: _text(asyncapi()), OPENAPI: _text(openapi())}


def differing(root: Path) -> list[str]:
    """What under ``root`` is not as generated: changed, missing, or left over."""
    wanted = generated()
    left_over = {f"{SCHEMAS}/{path.name}" for path in (root / SCHEMAS).glob("*")} - set(wanted)
    changed = {name for name, text in wanted.items() if not (root / name).is_file() or _read(root / name) != text}
    return sorted(left_over | changed)


def write(root: Path) -> None:
    """Write every generated file under ``root`` and remove schemas of messages that are no more."""
    for name in differing(root):
        (root / name).unlink(missing_ok=True)
    for name, text in generated().items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")


def released() -> dict[str, dict[str, Any]]:
    """What a release freezes, as file name and document: messages, headers, the topic table and the HTTP API."""
    return {
        **{f"{name}.json": schema_of(message) for name, message in MESSAGE_TYPES.items()},
        HEADERS: _HEADERS,
        DEAD_LETTER_HEADERS: _DEAD_HEADERS,
        TOPIC_TABLE: {
            topic.name: {
                "key": topic.key,
                "partitions": topic.partitions,
                "retention_days": None if topic.retention is None else topic.retention.days,
                "messages": [message.type for message in topic.messages],
            }
            for topic in TOPICS
        },
        OPENAPI: openapi(),
    }


def unlisted_breaks(root: Path) -> list[Breaking]:
    """What the contracts break of the baseline under ``root`` and its changelog does not list under "Breaking"."""
    changelog = root / CHANGELOG
    allowed = allowed_by(_read(changelog)) if changelog.is_file() else set()
    return [found for found in _breaks(root / RELEASED) if (found.subject, found.field) not in allowed]


def _breaks(baseline: Path) -> Iterator[Breaking]:
    current = released()
    for path in sorted(baseline.glob("*.json")):
        if path.name == OPENAPI:
            yield from api_broken_by(read(path), current[OPENAPI])
        elif path.name == TOPIC_TABLE:
            yield from _topic_breaks(read(path), current[TOPIC_TABLE])
        elif path.name not in current:
            yield Breaking(path.stem, "", "the message type is removed")
        else:
            message = MESSAGE_TYPES.get(path.stem)
            use = Use.INPUT if message is not None and issubclass(message, Command) else EVENT
            subject = path.name if message is None else path.stem
            yield from broken_by(subject, read(path), current[path.name], use)


def _topic_breaks(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Breaking]:
    for name, row in old.items():
        now = new.get(name)
        if now is None:
            yield Breaking(name, "", "the topic is removed")
        elif {**row, "messages": ()} != {**now, "messages": ()} or not set(row["messages"]) <= set(now["messages"]):
            yield Breaking(name, "", "the key, partitions, retention or messages of the topic changed")


def release(root: Path) -> None:
    """Write the baseline under ``root``: every later change is compared with it."""
    folder = root / RELEASED
    folder.mkdir(parents=True, exist_ok=True)
    frozen = released()
    for left_over in {path.name for path in folder.glob("*")} - frozen.keys():
        (folder / left_over).unlink()
    for name, content in frozen.items():
        (folder / name).write_text(_text(content), encoding="utf-8")


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def _text(document: Mapping[str, Any]) -> str:
    return json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 1 if ``--check`` finds a difference, or ``--release`` a breaking change that is not listed."""
    parser = argparse.ArgumentParser(prog="python -m deploy.generate_contracts", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if what is committed differs")
    parser.add_argument("--release", action="store_true", help="also write the baseline of a release")
    options = parser.parse_args(arguments)
    if options.check:
        differences = differing(ROOT)
        for name in differences:
            sys.stderr.write(f"contracts/{name} is not as generated; run: make schemas\n")
        return 1 if differences else 0
    if options.release and (breaks := unlisted_breaks(ROOT)):
        for found in breaks:
            what = f"`{found.subject}` `{found.field}`" if found.field else f"`{found.subject}`"
            sys.stderr.write(f"{what}: {found.reason}; list it under Breaking in contracts/{CHANGELOG}\n")
        return 1
    write(ROOT)
    if options.release:
        release(ROOT)
    return 0


if __name__ == "__main__":
    sys.exit(main())
