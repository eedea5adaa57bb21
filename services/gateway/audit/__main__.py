"""``python -m services.gateway.audit``: compare the audit log with its checkpoints, or remove what has expired."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from aiokafka.errors import KafkaError
from pymongo.errors import PyMongoError

from services.gateway.audit.chain import VerificationKeys, signing_keys
from services.gateway.audit.check import Checked, check, read_expiries
from services.gateway.audit.removal import remove
from services.runtime import exit_codes
from services.runtime.mongo.driver import connect, durable_database
from services.runtime.operator_commands import SettingsRefused, say, settings_for, words, write
from services.runtime.settings import RuntimeSettings

_KEYS_SETTING = "FRIKORT_AUDIT_LOG_KEYS"


def parser() -> argparse.ArgumentParser:
    """The commands and their options."""
    top = argparse.ArgumentParser(
        prog="python -m services.gateway.audit",
        description="The audit log and the checkpoints that protect its entries.",
    )
    commands = top.add_subparsers(dest="command", required=True)
    checking = commands.add_parser("check", help="name every entry that was altered, removed, reordered or added")
    checking.add_argument("--keys", type=Path, required=True, help="a file with the public keys, as `keys` writes them")
    removing = commands.add_parser("remove-expired", help="remove the entries that the API has signed as expired")
    removing.add_argument("--keys", type=Path, required=True, help="a file with the public keys, as `keys` writes them")
    removing.add_argument("--by", type=words, required=True, help="who does this")
    commands.add_parser("keys", help=f"write the public keys of {_KEYS_SETTING} as a JSON Web Key Set")
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code: ``NOT_DONE`` if the log differs from its checkpoints."""
    given = parser().parse_args(arguments)
    try:
        if given.command == "keys":
            keys = signing_keys(os.environ.get(_KEYS_SETTING, ""), _KEYS_SETTING)
            write(json.dumps({"keys": [key.public for key in keys]}, indent=2))
            return exit_codes.DONE
        public = VerificationKeys(json.loads(given.keys.read_text(encoding="utf-8"))["keys"])
        if given.command == "remove-expired":
            return asyncio.run(_remove(settings_for("audit"), public, given.by))
        checked = asyncio.run(_check(settings_for("audit"), public))
    except (SettingsRefused, ValueError, KeyError, OSError) as refused:
        return say(exit_codes.UNSAFE_SETTING, str(refused))
    except (KafkaError, PyMongoError) as error:
        return say(exit_codes.CANNOT_START, f"Kafka or MongoDB does not answer: {type(error).__name__}; repeat it")
    if checked.starts_at is not None:
        write(f"It starts at {checked.starts_at:%Y-%m-%d}: {checked.removed} entries from before have expired.")
    if not checked.findings:
        write("The audit log and its checkpoints agree.")
        return exit_codes.DONE
    return say(exit_codes.NOT_DONE, *map(str, checked.findings))


async def _check(settings: RuntimeSettings, keys: VerificationKeys) -> Checked:
    client = connect(settings.mongodb_uri)
    try:
        return await check(durable_database(client, "frikort_gateway"), settings, keys)
    finally:
        client.close()


async def _remove(settings: RuntimeSettings, keys: VerificationKeys, by: str) -> int:
    now = datetime.now(UTC)
    reader = await read_expiries(settings, keys, now=now)
    if reader.findings:
        return say(exit_codes.NOT_DONE, "nothing is removed", *map(str, reader.findings))
    client = connect(settings.mongodb_uri)
    try:
        gateway, operations = (durable_database(client, name) for name in ("frikort_gateway", "frikort_operations"))
        count = await remove(gateway, operations, reader.expired, by=by, at=now)
    finally:
        client.close()
    write(f"{count} entries removed")
    return exit_codes.DONE


if __name__ == "__main__":
    sys.exit(main())
