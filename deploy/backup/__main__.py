"""Backup and recovery: ``python -m deploy.backup create|extend|verify|restore|books``."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import structlog
from pymongo.errors import ConnectionFailure, PyMongoError

from deploy.backup import books, commands
from deploy.backup.archive import Archive, ArchiveBroken, Part
from deploy.backup.stores import (
    Client,
    CollectionsChanged,
    OplogTooShort,
    RestoreFailed,
    SnapshotExpired,
    connect,
)
from deploy.backup.topics import KafkaRefused, TargetNotEmpty, Topics
from services.runtime import exit_codes
from services.runtime.errors import describe
from services.runtime.operator_commands import SettingsRefused, say, settings_for, write
from services.runtime.settings import CommandSettings, KafkaSettings, MongoSettings

logger = structlog.get_logger("deploy.backup")

COMMAND: Final = "python -m deploy.backup"
_SHOWN_DIFFERENCES: Final = 50
_REFUSALS: Final = (
    ArchiveBroken,
    KafkaRefused,
    TargetNotEmpty,
    RestoreFailed,
    SnapshotExpired,
    CollectionsChanged,
    OplogTooShort,
)


class BackupSettings(CommandSettings, MongoSettings, KafkaSettings):
    """How to reach the engines. The commands need no key of personal data, and must get none."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit codes: 0 done, 1 refused, 3 an engine does not answer, 78 a setting is refused."""
    given = _parser().parse_args(arguments)
    try:
        if given.command == "verify":
            return _verify(Archive(given.directory))
        settings = settings_for("backup", BackupSettings)
    except SettingsRefused as refused:
        return say(exit_codes.UNSAFE_SETTING, str(refused))
    except ArchiveBroken as broken:
        return say(exit_codes.NOT_DONE, str(broken))
    try:
        return _run(given, settings)
    except ConnectionFailure as error:
        return say(exit_codes.CANNOT_START, f"MongoDB does not answer: {type(error).__name__}")
    except PyMongoError as error:
        return say(exit_codes.NOT_DONE, f"MongoDB refused: {describe(error)}")
    except _REFUSALS as refused:
        return say(exit_codes.NOT_DONE, str(refused))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=COMMAND, description="Back up the system, and restore it.")
    subcommands = parser.add_subparsers(dest="command", required=True)
    for name, about in (
        ("create", "back up everything into a new directory, while the system runs"),
        ("extend", "add what has changed since"),
        ("verify", "check all files of a backup, without the system"),
        ("restore", "restore a backup into an empty system; repeat the command if it was interrupted"),
    ):
        command = subcommands.add_parser(name, help=about)
        command.add_argument("directory", type=Path)
        if name == "extend":
            command.add_argument("--every", type=float, metavar="SECONDS", help="go on until SIGTERM")
        if name == "restore":
            command.add_argument(
                "--only", nargs="+", metavar="NAME", help="documents of these databases or collections, and no records"
            )
    subcommands.add_parser("books", help="compute all totals from the topics, and compare them with the databases")
    return parser


def _run(given: argparse.Namespace, settings: BackupSettings) -> int:
    topics = Topics(settings)
    with connect(settings.mongodb_uri) as client:
        if given.command == "books":
            return _books(books.compare(topics, client))
        archive = Archive(given.directory)
        if given.command == "extend":
            return _extend(archive, topics, client, given.every)
        if given.command == "create":
            part = commands.create(archive, topics, client)
        elif given.only:
            part = commands.restore_documents(archive, client, given.only)
        else:
            part = commands.restore(archive, topics, client)
        write(f"{given.command}d: {_text(part)}")
    return exit_codes.DONE


def _verify(archive: Archive) -> int:
    parts = commands.verify(archive)
    write(f"whole: {len(parts)} parts; the last: {_text(parts[-1])}")
    return exit_codes.DONE


def _extend(archive: Archive, topics: Topics, client: Client, every: float | None) -> int:
    stopping = threading.Event()
    if every is not None:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stopping.set())
    while True:
        try:
            part = commands.extend(archive, topics, client)
        except (KafkaRefused, CollectionsChanged, PyMongoError) as refused:
            if every is None:
                raise
            logger.warning("backup.waits", reason=describe(refused))
        else:
            write("nothing new" if part is None else f"added: {_text(part)}")
        if every is None or stopping.wait(every):
            return exit_codes.DONE


def _text(part: Part) -> str:
    documents = sum(collection.documents for collection in part.collections)
    records = sum(each.records for each in part.ranges)
    return f"part {part.number} of {part.backup}, of {part.at.isoformat()}: {documents} documents, {records} records"


def _books(found: books.Books) -> int:
    for line in found.differences[:_SHOWN_DIFFERENCES]:
        write(line)
    write(
        f"{found.reports} reports, {found.card_years} cards and years, {found.total} øre; "
        f"{len(found.differences)} differences"
    )
    return exit_codes.NOT_DONE if found.differences else exit_codes.DONE


if __name__ == "__main__":
    sys.exit(main())
