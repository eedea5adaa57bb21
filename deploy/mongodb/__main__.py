"""Creates and checks the users of MongoDB: ``python -m deploy.mongodb [--check]``. Idempotent."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import structlog
from pydantic import Field
from pymongo import MongoClient
from pymongo.errors import ConnectionFailure, PyMongoError

from deploy.mongodb.provision import ExcessRights, MissingUsers, Provisioned, check, lets_everybody_in, provision
from deploy.mongodb.rights import USERS
from services.runtime import exit_codes
from services.runtime.errors import describe
from services.runtime.operator_commands import SettingsRefused, say, settings_for
from services.runtime.settings import CommandSettings, MongoSettings

logger = structlog.get_logger(__name__)

COMMAND: Final = "python -m deploy.mongodb"
_TRY_AGAIN_SECONDS: Final = 1.0
_CONNECT_MS: Final = 5000


class ProvisionerSettings(CommandSettings, MongoSettings):
    """How the provisioner connects, and where the passwords of the users are."""

    mongodb_passwords: Path | None = Field(
        default=None, description="A directory with the password of each user: `<user>/password`."
    )

    def password_of(self, user: str) -> str:
        """The password of a user. Raises ``OSError``."""
        if self.mongodb_passwords is None:
            raise OSError("FRIKORT_MONGODB_PASSWORDS is not set")
        return (self.mongodb_passwords / user / "password").read_text(encoding="utf-8").strip()


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 0 if every user of the table exists, and no user has other rights than the table gives."""
    parser = argparse.ArgumentParser(prog=COMMAND, description="Create and check the users of MongoDB by the table.")
    parser.add_argument("--check", action="store_true", help="check only; create and change nothing")
    parser.add_argument("--change-passwords", action="store_true", help="also give existing users their password")
    parser.add_argument(
        "--allow", action="append", default=[], metavar="USER", help="a user that may have rights, as for backups"
    )
    given = parser.parse_args(arguments)
    try:
        settings = settings_for("mongodb", ProvisionerSettings)
    except SettingsRefused as refused:
        return say(exit_codes.UNSAFE_SETTING, str(refused))
    try:
        made = _run_when_reachable(settings, given)
    except ConnectionFailure as error:
        logger.critical("mongodb.unreachable", reason=type(error).__name__)
        return exit_codes.CANNOT_START
    except ExcessRights as excess:
        logger.critical("mongodb.refused", problem=str(excess))
        return exit_codes.UNSAFE_SETTING
    except (MissingUsers, PyMongoError, OSError) as wrong:
        logger.critical("mongodb.wrong", problem=describe(wrong))
        return exit_codes.NOT_DONE
    logger.info("mongodb.ready", changed_users=made.users, changed_roles=made.roles, users=len(USERS))
    return exit_codes.DONE


def _run_when_reachable(settings: ProvisionerSettings, given: argparse.Namespace) -> Provisioned:
    deadline = time.monotonic() + settings.start_timeout
    while True:
        try:
            return _run(settings, given)
        except ConnectionFailure as error:
            if time.monotonic() > deadline:
                raise
            logger.warning("mongodb.waiting", reason=type(error).__name__)
            time.sleep(_TRY_AGAIN_SECONDS)


def _run(settings: ProvisionerSettings, given: argparse.Namespace) -> Provisioned:
    with _client(settings) as client:
        made = Provisioned(users=0, roles=0)
        if not given.check:
            made = provision(
                client, settings.password_of, settings.environment, change_passwords=given.change_passwords
            )
        check(client, settings.environment, allowed=given.allow)
    with _client(settings.without_mongodb_user()) as client:
        if lets_everybody_in(client):
            raise ExcessRights("clients without a user may do everything: start mongod with --keyFile")
    return made


def _client(settings: MongoSettings) -> MongoClient[dict[str, Any]]:
    return MongoClient(settings.mongodb_uri, serverSelectionTimeoutMS=_CONNECT_MS)


if __name__ == "__main__":
    sys.exit(main())
