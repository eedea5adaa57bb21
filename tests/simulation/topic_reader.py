"""Reads messages from the simulated topics, independently of the code under test, for the checkers."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from services.runtime.processing.apply import Incoming
from tests.simulation.fault_schedule import is_injected
from tests.simulation.scheduler import Violation


@dataclass(frozen=True)
class Message:
    """A message of a topic. A message that was published twice counts once, at its first offset."""

    id: str
    type: str
    time: str
    cause: str
    data: dict[str, Any]

    @property
    def of_dispute(self) -> bool:
        """Whether the message raises or closes a dispute."""
        return "disput" in self.type

    @property
    def subject(self) -> tuple[str, int]:
        """The id of the report or employment that an earnings event is about, and its revision."""
        subject, revision = subject_of(self.data)
        return f"dispute of {subject}" if self.of_dispute else subject, revision

    @property
    def kind(self) -> str:
        """``dk.frikort.card.issue.v1`` is a ``card.issue``."""
        return self.type.removeprefix("dk.frikort.").removesuffix(".v1")


def distinct_messages(records: Iterable[Incoming]) -> Iterator[Message]:
    """Every message once, at its first offset; invalid records are skipped."""
    seen: set[str] = set()
    for record in records:
        if is_injected(record):
            continue
        headers = dict(record.headers)
        message_id = headers["ce_id"].decode()
        if message_id not in seen:
            seen.add(message_id)
            yield Message(
                id=message_id,
                type=headers["ce_type"].decode(),
                time=headers["ce_time"].decode(),
                cause=headers.get("ce_causationid", b"").decode(),
                data=json.loads(record.value or b""),
            )


def subject_of(data: dict[str, Any]) -> tuple[str, int]:
    """The id of the report or employment that an outcome or event is about, and its revision."""
    return data.get("report_id") or data["employment_id"], data["revision"]


def states(database: Any) -> Iterator[Any]:
    """The states of all documents that have one."""
    for name in database.documents:
        state = database.state(name)
        if state is not None:
            yield state


def invariant(holds: bool, otherwise: str) -> None:
    """Raise ``Violation`` with ``otherwise`` unless the invariant ``holds``."""
    if not holds:
        raise Violation(otherwise)
