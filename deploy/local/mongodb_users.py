"""The users of a local MongoDB: a password for each, drawn once, and the settings to connect as one of them."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from pymongo import MongoClient

from deploy.local.keys import kept
from deploy.mongodb.provision import provision
from deploy.mongodb.rights import PROVISIONER, USERS
from services.runtime.settings import MongoSettings

SETTINGS: Final = (
    "FRIKORT_MONGODB_USER",
    "FRIKORT_MONGODB_PASSWORD",
    "FRIKORT_MONGODB_PASSWORD_FILE",
    "FRIKORT_MONGODB_TLS",
    "FRIKORT_MONGODB_CA_FILE",
)


@dataclass(frozen=True)
class Users:
    """The files with which a local MongoDB is closed: the members' common key, and the password of each user."""

    key_file: Path
    passwords: Mapping[str, Path]


def load_or_create(keys: Path) -> Users:
    """The files in `keys`; draws those that are not there yet."""
    directory = keys / "mongodb"
    keys.mkdir(parents=True, exist_ok=True, mode=0o700)
    passwords = {user: directory / user / "password" for user in (PROVISIONER, *USERS)}
    for path in (directory / "key-file", *passwords.values()):
        kept(path, lambda: secrets.token_hex(32))
    return Users(directory / "key-file", passwords)


@dataclass(frozen=True)
class MongoAccess:
    """How programs connect to the MongoDB of a local system.

    `passwords` has the users of the launcher's own MongoDB. Another one has none; `given` are the settings with which
    every program connects to it.
    """

    address: str
    passwords: Mapping[str, Path] = field(default_factory=dict)
    given: Mapping[str, str] = field(default_factory=dict)

    def environment(self, user: str) -> dict[str, str]:
        """The environment variables of a process that connects as `user`."""
        own = {}
        if self.passwords:
            own = {"FRIKORT_MONGODB_USER": user, "FRIKORT_MONGODB_PASSWORD_FILE": str(self.passwords[user])}
        return {"FRIKORT_MONGODB": self.address, **self.given, **own}

    def settings(self, user: str = PROVISIONER) -> MongoSettings:
        """The settings of a program that connects as `user`, by default as the one that may do everything."""
        names = {name.removeprefix("FRIKORT_").lower(): value for name, value in self.environment(user).items()}
        return MongoSettings(**names)  # type: ignore[arg-type]  # pydantic reads the texts

    def uri(self, user: str = PROVISIONER) -> str:
        """The connection string of `user`, with the password."""
        return self.settings(user).mongodb_uri

    def provision(self) -> None:
        """Create the users in the launcher's own MongoDB, or bring their rights up to date."""
        if not self.passwords:
            return
        with MongoClient[dict[str, Any]](self.uri()) as client:
            provision(client, lambda user: self.passwords[user].read_text(), "local")
