"""Who may do what on the broker: the principals, and their rights, which follow from the topic table.

A principal is a user of the broker: a process, an authority, or a person's tool. Kafka derives further rights: read and
write include describe. An idempotent producer needs no right but write (KIP-679), and no transaction is used.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from itertools import chain
from typing import Final, NamedTuple

from frikort_contracts.topics import TOPICS, Topic

PROCESSES: Final = ("issuance", "reporting", "balance", "exports", "gateway", "projections", "payroll")
"""Each process of the system is a principal. The portals use no topic."""
OPERATOR: Final = "operator"
"""Reads dead letters and replays them, and changes years."""
BACKUP: Final = "backup"
"""Reads every topic, and sees the positions of all groups, for a backup."""
MIRROR: Final = "mirror"
"""Copies every topic to the brokers of a second site. Reads, and writes nothing here."""
AUDITOR: Final = "auditor"
"""Checks the audit log against its checkpoints. Reads, and writes nothing."""
PROVISIONER: Final = "provisioner"
"""Creates topics and grants rights, so it may do everything: a super user of the broker."""

_AUTHORITY: Final = "authority-"
_GROUPS_OF: Final = {"projections": "gateway", "payroll": "gateway"}


class Resource(Enum):
    """What a right is about."""

    TOPIC = "topic"
    GROUP = "group"


class Operation(Enum):
    """An operation of Kafka's authorizer."""

    READ = "read"
    WRITE = "write"
    DESCRIBE = "describe"
    DESCRIBE_CONFIGS = "describe_configs"


class Right(NamedTuple):
    """``principal`` may do ``operation`` on the resource of this name, or on all whose names begin with it."""

    principal: str
    operation: Operation
    resource: Resource
    name: str
    is_prefix: bool = False


def is_authority(principal: str) -> bool:
    """Whether a reader of the topic table is an authority, and no process of the system."""
    return principal.startswith(_AUTHORITY)


AUTHORITIES: Final = tuple(sorted({reader for topic in TOPICS for reader in topic.readers if is_authority(reader)}))
PRINCIPALS: Final = (*PROCESSES, *AUTHORITIES, OPERATOR, AUDITOR, BACKUP, MIRROR, PROVISIONER)


def group_prefix(principal: str) -> str:
    """How the names of the consumer groups of a process or an authority begin."""
    return f"{principal}." if is_authority(principal) else f"frikort.{_GROUPS_OF.get(principal, principal)}."


_BACKUP_GROUPS: Final = (
    Right(BACKUP, Operation.DESCRIBE, Resource.GROUP, "frikort.", is_prefix=True),
    Right(BACKUP, Operation.DESCRIBE, Resource.GROUP, _AUTHORITY, is_prefix=True),
    Right(BACKUP, Operation.READ, Resource.GROUP, group_prefix(BACKUP), is_prefix=True),
)


def rights() -> frozenset[Right]:
    """The rights of all principals but the provisioner."""
    return frozenset(chain(_BACKUP_GROUPS, *map(_rights_on, TOPICS)))


def _rights_on(topic: Topic) -> Iterator[Right]:
    for writer in topic.writers:
        yield from _on(topic.name, writer, Operation.WRITE)
        if writer in PROCESSES:
            yield from _on(topic.name, writer, Operation.DESCRIBE_CONFIGS)
    for reader in topic.readers:
        yield from _on(topic.name, reader, Operation.READ)
        if topic.is_followed:
            if reader in PROCESSES:
                yield from _on(topic.name, reader, Operation.DESCRIBE_CONFIGS)
            continue
        yield Right(reader, Operation.READ, Resource.GROUP, group_prefix(reader), is_prefix=True)
        if not is_authority(reader):
            # A process checks the settings of its topics at start, writes what it rejects to the dead letters, and
            # counts those that wait.
            yield from _on(topic.name, reader, Operation.DESCRIBE_CONFIGS)
            yield from _on(topic.dead, reader, Operation.READ, Operation.WRITE, Operation.DESCRIBE_CONFIGS)
            yield from _on(topic.name, OPERATOR, Operation.WRITE)
    for principal in topic.described_by:
        yield from _on(topic.name, principal, Operation.DESCRIBE)
    for principal in topic.checked_by:
        yield from _on(topic.name, principal, Operation.READ)
    yield from _on(topic.dead, OPERATOR, Operation.READ)
    for name in (topic.name, topic.dead):
        yield from _on(name, BACKUP, Operation.READ)
        # The copies get the settings of their topics.
        yield from _on(name, MIRROR, Operation.READ, Operation.DESCRIBE_CONFIGS)


def _on(topic: str, principal: str, *operations: Operation) -> Iterator[Right]:
    return (Right(principal, operation, Resource.TOPIC, topic) for operation in operations)
