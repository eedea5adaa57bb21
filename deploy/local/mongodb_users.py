"""The users of a local MongoDB, and the settings to connect as one of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from pymongo import MongoClient

from deploy.local import engine_users
from deploy.local.certificates import Certificates
from deploy.local.engine_users import EngineAccess
from deploy.mongodb.provision import provision
from deploy.mongodb.rights import PROVISIONER, USERS
from services.runtime.settings import MongoSettings


@dataclass(frozen=True)
class Users:
    """The files with which a local MongoDB is closed: the members' common key, and the password of each user.

    With `certificates` its servers speak TLS only.
    """

    key_file: Path
    passwords: Mapping[str, Path]
    certificates: Certificates | None = None


def load_or_create(keys: Path, certificates: Certificates | None = None) -> Users:
    """The files in `keys`; draws the missing ones."""
    directory = keys / "mongodb"
    keys.mkdir(parents=True, exist_ok=True, mode=0o700)
    key_file = directory / "key-file"
    engine_users.random_secret(key_file)
    return Users(key_file, engine_users.passwords(directory, (PROVISIONER, *USERS)), certificates)


class MongoAccess(EngineAccess):
    """How programs connect to the MongoDB of a local system: `address` is its connection string without a user."""

    engine: ClassVar[str] = "MONGODB"

    def settings(self, user: str = PROVISIONER) -> MongoSettings:
        """The settings of a program that connects as `user`, by default as the one that may do everything."""
        return MongoSettings(**self.fields(user))  # type: ignore[arg-type]  # pydantic reads the texts

    def uri(self, user: str = PROVISIONER) -> str:
        """The connection string of `user`, with the password."""
        return self.settings(user).mongodb_uri

    def provision(self) -> None:
        """Create the users in the launcher's own MongoDB, or bring their rights up to date."""
        if not self.passwords:
            return
        with MongoClient[dict[str, Any]](self.uri()) as client:
            provision(client, lambda user: self.passwords[user].read_text(), "local")
