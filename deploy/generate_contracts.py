"""Writes the contracts for people who do not read Python: ``python -m deploy.generate_contracts`` (``make schemas``).

``contracts/schemas/<type>.json`` is the JSON Schema of each message body, ``extract-of-period.<kind>.json`` that of an
object in the JSON Lines file of a period, ``contracts/asyncapi.json`` the AsyncAPI 3.0
document of every topic, ``contracts/openapi.json`` the OpenAPI 3.1 document of the HTTP API. ``--check`` writes nothing
and exits 1 if a committed file differs. ``--release`` also writes ``contracts/released/<version>/``, with which the
tests compare every later change. It is refused if the version was released before, or if the contracts break an
earlier release.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final

from fastapi import FastAPI
from frikort_contracts import __version__
from frikort_contracts.extract_objects import PERIOD_OBJECTS
from frikort_contracts.messages import Command, Message
from frikort_contracts.topics import MESSAGE_TYPES, RETIRED, TOPICS

from deploy.asyncapi import DEAD_HEADERS_SCHEMA, HEADERS_SCHEMA, MODE, SCHEMAS, asyncapi
from deploy.contract_compatibility import EVENT, Breaking, Use, api_broken_by, broken_by, read
from services.gateway.app import ROUTERS, operation_id
from services.gateway.openapi import PLACEHOLDERS, create_document

ROOT: Final = Path(__file__).parents[1] / "contracts"
RELEASED: Final = "released"
ASYNCAPI: Final = "asyncapi.json"
OPENAPI: Final = "openapi.json"
HEADERS: Final = "headers.json"
DEAD_LETTER_HEADERS: Final = "dead-letter-headers.json"
TOPIC_TABLE: Final = "topics.json"

_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"


def schema_of(message: type[Message]) -> dict[str, Any]:
    """The JSON Schema (2020-12) of one message's body."""
    schema = message.model_json_schema(mode=MODE)
    return {"$schema": _DIALECT, "$id": f"urn:frikort:schema:{message.type}", **schema, "title": message.__name__}


@cache
def openapi() -> dict[str, Any]:
    """The OpenAPI 3.1 document of the gateway's API, with placeholders for the addresses of an installation.

    Each call returns the same document: do not change it.
    """
    app = FastAPI(generate_unique_id_function=operation_id)
    for router in ROUTERS:
        app.include_router(router)
    return create_document(app.routes, PLACEHOLDERS)


def generated() -> dict[str, str]:
    """Every generated file, as path under ``contracts/`` and text."""
    files = {f"{SCHEMAS}/{name}.json": _text(schema_of(message)) for name, message in MESSAGE_TYPES.items()}
    files |= {f"{SCHEMAS}/{name}.json": _text(schema) for name, schema in _period_objects()}
    return {**files, ASYNCAPI: _text(asyncapi()), OPENAPI: _text(openapi())}


def _period_objects() -> Iterator[tuple[str, dict[str, Any]]]:
    for kind, model in PERIOD_OBJECTS.items():
        name = f"extract-of-period.{kind.value}"
        yield name, {"$schema": _DIALECT, "$id": f"urn:frikort:schema:{name}", **model.model_json_schema(mode=MODE)}


def differing(root: Path) -> list[str]:
    """What under ``root`` is not as generated: changed, missing, or left over."""
    return _differing(root, generated())


def _differing(root: Path, wanted: Mapping[str, str]) -> list[str]:
    left_over = {f"{SCHEMAS}/{path.name}" for path in (root / SCHEMAS).glob("*")} - set(wanted)
    changed = {name for name, text in wanted.items() if not (root / name).is_file() or _read(root / name) != text}
    return sorted(left_over | changed)


def write(root: Path) -> None:
    """Write every generated file under ``root`` and remove schemas of messages that are no more."""
    wanted = generated()
    for name in _differing(root, wanted):
        (root / name).unlink(missing_ok=True)
    for name, text in wanted.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")


def released() -> dict[str, dict[str, Any]]:
    """What a release freezes, as file name and document: messages, headers, the topic table and the HTTP API.

    Retired topics and their messages are not part of it.
    """
    topics = [topic for topic in TOPICS if topic not in RETIRED]
    return {
        **{f"{message.type}.json": schema_of(message) for topic in topics for message in topic.messages},
        HEADERS: HEADERS_SCHEMA,
        DEAD_LETTER_HEADERS: DEAD_HEADERS_SCHEMA,
        TOPIC_TABLE: {
            topic.name: {
                "key": topic.key,
                "partitions": topic.partitions,
                "retention_days": None if topic.retention is None else topic.retention.days,
                "messages": [message.type for message in topic.messages],
            }
            for topic in topics
        },
        OPENAPI: openapi(),
    }


def releases(root: Path) -> list[Path]:
    """The folder of each released version under ``root``."""
    return sorted(path for path in (root / RELEASED).glob("*") if path.is_dir())


def breaks(release: Path) -> Iterator[Breaking]:
    """What the contracts break of the release in a folder."""
    current = released()
    for path in sorted(release.glob("*.json")):
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


def release(root: Path) -> list[str]:
    """Write what this version freezes under ``root``, or say why it cannot be released."""
    folder = root / RELEASED / __version__
    if folder.exists():
        return [f"{__version__} is released and never changes; raise the version of the contracts"]
    if found := [one for earlier in releases(root) for one in breaks(earlier)]:
        return [f"`{one.subject}` `{one.field}`: {one.reason}" for one in found]
    folder.mkdir(parents=True)
    for name, content in released().items():
        (folder / name).write_text(_text(content), encoding="utf-8")
    return []


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def _text(document: Mapping[str, Any]) -> str:
    return json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 1 if ``--check`` finds a difference, or ``--release`` is refused."""
    parser = argparse.ArgumentParser(prog="python -m deploy.generate_contracts", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if what is committed differs")
    parser.add_argument("--release", action="store_true", help="also write what this version freezes")
    options = parser.parse_args(arguments)
    if options.check:
        differences = differing(ROOT)
        for name in differences:
            sys.stderr.write(f"contracts/{name} is not as generated; run: make schemas\n")
        return 1 if differences else 0
    write(ROOT)
    refusals = release(ROOT) if options.release else []
    for refusal in refusals:
        sys.stderr.write(f"{refusal}\n")
    return 1 if refusals else 0


if __name__ == "__main__":
    sys.exit(main())
