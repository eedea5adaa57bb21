"""A backup of all databases in the middle of a run, and the check of the positions in it.

A database that is restored from it without a reset of its group must be refused, unless it has applied everything.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple

from services.runtime.processing.positions import Offsets, behind
from tests.simulation.environment import Environment, Service
from tests.simulation.topic_reader import invariant


class Backup(NamedTuple):
    """The states of a service's documents by processor and id, and its positions."""

    states: Mapping[tuple[str, str], bytes | None]
    applied: Offsets


def back_up(environment: Environment) -> dict[str, Backup]:
    """Back up every service."""
    return {name: Backup(_states(service), dict(service.applied)) for name, service in environment.services.items()}


def check(environment: Environment, backups: Mapping[str, Backup]) -> Counter[str]:
    """Check each backup at the end of the run, when every group has committed everything."""
    counts: Counter[str] = Counter()
    for name, backup in backups.items():
        service = environment.services[name]
        is_behind = bool(behind(backup.applied, service.group.committed, {}))
        is_complete = backup.states == _states(service)
        invariant(is_behind or is_complete, f"{name} could be restored without a reset of its group, and lose changes")
        counts["backups behind their group"] += is_behind
        counts["backups as good as the database"] += not is_behind
    return counts


def _states(service: Service) -> dict[tuple[str, str], bytes | None]:
    return {
        (processor, name): stored.state
        for processor, database in service.databases.items()
        for name, stored in database.documents.items()
    }
