"""``python -m services.runtime.kafka.dead_letters``: list, show, replay and discard dead letters."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import textwrap
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from frikort_contracts.cloudevents import BrokenContract, decode
from frikort_contracts.topics import DEAD_SUFFIX, TOPICS, Topic
from pymongo.errors import PyMongoError

from services.runtime import exit_codes
from services.runtime.kafka.dead_letters.journal import (
    Attribution,
    Journal,
    JournalEntry,
    Refused,
    State,
    perform,
    state_of,
)
from services.runtime.kafka.dead_letters.reader import DeadLetter, read
from services.runtime.kafka.producer import KafkaProducer
from services.runtime.kafka.topics import MissingTopics
from services.runtime.kafka.unavailable import KafkaUnavailable
from services.runtime.mongo.driver import connect
from services.runtime.operator_commands import SettingsRefused, say, settings_for, words, write
from services.runtime.processing.dead_letters import Origin
from services.runtime.settings import RuntimeSettings

_TOPICS: Final = {topic.name: topic for topic in TOPICS}
_COLUMNS: Final = ("origin", "time", "state", "type", "key", "reason")
_REASON_WIDTH: Final = 72
_OPEN: Final[tuple[State, ...]] = ("waiting", "replaying", "discarding")
_WITH_ALL: Final[Mapping[str, Collection[State]]] = {"replay": ("waiting", "replaying"), "discard": _OPEN}
"""Which dead letters of a topic an action with ``--all`` is about. One that is being discarded is not replayed."""


class NotFound(LookupError):
    """No dead letter has this origin."""


def parser() -> argparse.ArgumentParser:
    """The commands and their options."""
    top = argparse.ArgumentParser(
        prog="python -m services.runtime.kafka.dead_letters",
        description="Dead letters: records that could not be processed.",
    )
    commands = top.add_subparsers(dest="command", required=True)

    listing = commands.add_parser("list", help="list the dead letters that are neither replayed nor discarded")
    listing.add_argument("--topic", type=_topic, help="only from this topic")
    listing.add_argument("--service", help="only from this service")
    listing.add_argument("--since", type=_moment, help="only since this time, such as 2026-01-31T08:00+01:00")
    listing.add_argument("--all", action="store_true", help="include replayed and discarded ones")
    listing.add_argument("--json", action="store_true", help="as JSON")

    showing = commands.add_parser("show", help="show headers, body and history of one dead letter")
    showing.add_argument("origin", type=_origin)

    for action, text in (
        ("replay", "publish it again, for its processor"),
        ("discard", "close it without publishing it"),
    ):
        acting = commands.add_parser(action, help=text)
        acting.add_argument("origin", type=_origin, nargs="*")
        acting.add_argument("--by", type=words, required=True, help="who does this")
        acting.add_argument("--reason", type=words, required=True, help="why; no personal data")
        acting.add_argument("--again", action="store_true", help="even if it was replayed or discarded before")
        acting.add_argument("--topic", type=_topic, help="with --all: all open dead letters of this topic")
        acting.add_argument("--all", action="store_true")
        if action == "replay":
            acting.add_argument("--body", type=Path, help="a file with a corrected body, for one origin")
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code."""
    top = parser()
    given = top.parse_args(arguments)
    if given.command in ("replay", "discard"):
        whole_topic = given.all and given.topic is not None
        if whole_topic == bool(given.origin):
            top.error("name one origin or more, or --topic T --all")
        if given.command == "replay" and given.body is not None and len(given.origin) != 1:
            top.error("a corrected body needs exactly one origin")
    try:
        return asyncio.run(_run(settings_for("dead"), given))
    except SettingsRefused as refused:
        return say(exit_codes.UNSAFE_SETTING, str(refused))
    except NotFound as missing:
        return say(exit_codes.NOT_FOUND, str(missing))
    except Refused as refused:
        return say(exit_codes.NOT_DONE, str(refused))
    except MissingTopics as missing:
        return say(exit_codes.CANNOT_START, str(missing))
    except KafkaUnavailable as error:
        return say(exit_codes.CANNOT_START, f"{error}; the command can be repeated")
    except PyMongoError as error:
        return say(exit_codes.CANNOT_START, f"MongoDB does not answer: {type(error).__name__}; nothing was done")


async def _run(settings: RuntimeSettings, given: argparse.Namespace) -> int:
    client = connect(settings.mongodb_uri)
    journal = Journal(client)
    try:
        if given.command == "list":
            return await _list(settings, given, journal)
        if given.command == "show":
            return await _show(settings, given.origin, journal)
        return await _act(settings, given, journal)
    finally:
        client.close()


async def _list(settings: RuntimeSettings, given: argparse.Namespace, journal: Journal) -> int:
    letters = await read(settings, [given.topic] if given.topic else TOPICS, given.since)
    letters = [letter for letter in letters if given.service in (None, letter.origin.service)]
    history = await journal.entries(letter.origin for letter in letters)
    rows = [_row(letter, state_of(history[letter.origin], letter.replay)) for letter in letters]
    shown = [row for row in rows if given.all or row["state"] in _OPEN]
    if given.json:
        write(json.dumps(shown, ensure_ascii=False, indent=2))
    else:
        write(_table(shown))
        write(f"{len(shown)} shown, {len(rows) - len(shown)} closed ones not shown")
    return exit_codes.DONE


async def _show(settings: RuntimeSettings, origin: Origin, journal: Journal) -> int:
    (letter,) = await _found(settings, [origin])
    entries = (await journal.entries([origin]))[origin]
    for name, text in _row(letter, state_of(entries, letter.replay)).items():
        write(f"{name:8}{text}")
    for name, value in letter.headers:
        write(f"header  {name}: {(value or b'').decode(errors='backslashreplace')}")
    for entry in entries:
        write(f"history {_history(entry)}")
    write("body")
    write(letter.value.decode(errors="backslashreplace"))
    return exit_codes.DONE


async def _act(settings: RuntimeSettings, given: argparse.Namespace, journal: Journal) -> int:
    attribution = Attribution(given.by, given.reason, datetime.now(UTC))
    if given.origin:
        letters = await _found(settings, given.origin)
    else:
        letters = await _open(settings, given.topic, journal, _WITH_ALL[given.command])
    body = None if given.command == "discard" or given.body is None else _corrected_body(letters[0], given.body)
    log = KafkaProducer(settings, client_id="frikort-dead", timeout=settings.publish_timeout)
    refused: list[str] = []
    try:
        for letter in letters:
            try:
                await perform(
                    letter, given.command, attribution, journal=journal, log=log, body=body, again=given.again
                )
            except Refused as why:
                refused.append(str(why))
            else:
                write(f"{letter.origin} {'replayed' if given.command == 'replay' else 'discarded'}")
    finally:
        await log.stop()
    if refused:
        return say(exit_codes.NOT_DONE, *refused)
    return exit_codes.DONE


async def _found(settings: RuntimeSettings, origins: Sequence[Origin]) -> list[DeadLetter]:
    topics = {origin.topic for origin in origins}
    if unknown := topics - set(_TOPICS):
        raise NotFound(f"no topic {', '.join(sorted(unknown))}")
    letters = {letter.origin: letter for letter in await read(settings, [_TOPICS[name] for name in topics], None)}
    if missing := [str(origin) for origin in origins if origin not in letters]:
        raise NotFound(f"no dead letter {', '.join(missing)}; nothing was done")
    return [letters[origin] for origin in sorted(set(origins))]


async def _open(
    settings: RuntimeSettings, topic: Topic, journal: Journal, states: Collection[State]
) -> list[DeadLetter]:
    letters = await read(settings, [topic], None)
    history = await journal.entries(letter.origin for letter in letters)
    return [letter for letter in letters if state_of(history[letter.origin], letter.replay) in states]


def _corrected_body(letter: DeadLetter, path: Path) -> bytes:
    """The body in the file. Raises ``Refused`` if the record would break its contract."""
    try:
        body = path.read_bytes()
        decode(_TOPICS[letter.origin.topic], body, letter.headers)
    except OSError as error:
        raise Refused(f"{path} cannot be read: {error.strerror}") from None
    except BrokenContract as reason:
        raise Refused(f"the corrected record still breaks its contract: {reason}") from None
    return body


def _row(letter: DeadLetter, state: State) -> dict[str, Any]:
    return {
        "origin": str(letter.origin),
        "time": letter.time.isoformat(timespec="seconds"),
        "state": state,
        "type": letter.type,
        "key": letter.key_text,
        "reason": letter.reason,
    }


def _table(rows: Sequence[dict[str, Any]]) -> str:
    rows = [row | {"reason": textwrap.shorten(row["reason"], _REASON_WIDTH, placeholder=" ...")} for row in rows]
    widths = {name: max(len(name), *(len(row[name]) for row in rows)) if rows else len(name) for name in _COLUMNS}
    entries = [{name: name.upper() for name in _COLUMNS}, *rows]
    return "\n".join("  ".join(entry[name].ljust(widths[name]) for name in _COLUMNS).rstrip() for entry in entries)


def _history(entry: JournalEntry) -> str:
    step = "done" if entry.done else "begun"
    corrected = "" if entry.body_sha256 is None else f", corrected body {entry.body_sha256[:12]}"
    return f"{entry.at.isoformat(timespec='seconds')} {entry.action} {step} by {entry.by}: {entry.reason}{corrected}"


def _topic(text: str) -> Topic:
    name = text.removesuffix(DEAD_SUFFIX)
    if name not in _TOPICS:
        raise argparse.ArgumentTypeError(f"no topic {text}; there are {', '.join(_TOPICS)}")
    return _TOPICS[name]


def _origin(text: str) -> Origin:
    try:
        return Origin.parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a time such as 2026-01-31T08:00+01:00") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


if __name__ == "__main__":
    sys.exit(main())
