"""What the users of the local Kafka and MongoDB have in common: a password for each, and how programs get it."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from deploy.local.certificates import Certificates
from deploy.local.keys import kept


def passwords(directory: Path, users: Iterable[str]) -> dict[str, Path]:
    """The file with the password of each user, in a folder of its own in `directory`; draws the missing ones."""
    files = {user: directory / user / "password" for user in users}
    for path in files.values():
        random_secret(path)
    return files


def random_secret(path: Path) -> str:
    """The secret in the file `path`, which is created, for its owner only, if it is missing."""
    return kept(path, lambda: secrets.token_hex(32))


@dataclass(frozen=True)
class EngineAccess:
    """How programs connect to an engine of a local system.

    `passwords` has the users of the launcher's own engine. Another engine has none; `given` are the settings with which
    every program connects to it.
    """

    engine: ClassVar[str]
    """As in the names of the settings: `KAFKA` or `MONGODB`."""

    address: str
    passwords: Mapping[str, Path] = field(default_factory=dict)
    given: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def tls(cls, certificates: Certificates | None) -> dict[str, str]:
        """The settings with which a program connects to an engine with these certificates; without them, none."""
        if certificates is None:
            return {}
        prefix = f"FRIKORT_{cls.engine}"
        return {f"{prefix}_TLS": "true", f"{prefix}_CA_FILE": str(certificates.authority)}

    @classmethod
    def settings_from(cls, environment: Mapping[str, str]) -> dict[str, str]:
        """The settings in `environment` that say how to log in to an engine that is not the launcher's own."""
        names = ("USER", "PASSWORD", "PASSWORD_FILE", "TLS", "CA_FILE")
        settings = [f"FRIKORT_{cls.engine}_{name}" for name in names]
        return {name: environment[name] for name in settings if name in environment}

    def environment(self, user: str) -> dict[str, str]:
        """The environment variables of a process that connects as `user`."""
        prefix = f"FRIKORT_{self.engine}"
        own = {}
        if self.passwords:
            own = {f"{prefix}_USER": user, f"{prefix}_PASSWORD_FILE": str(self.passwords[user])}
        return {prefix: self.address, **self.given, **own}

    def fields(self, user: str) -> dict[str, str]:
        """The same by the names of the fields of the settings."""
        return {name.removeprefix("FRIKORT_").lower(): value for name, value in self.environment(user).items()}
