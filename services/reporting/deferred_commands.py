"""Commands that arrived before the card event that their sender had seen (decision 0005)."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from frikort_contracts.cloudevents import Envelope
from frikort_contracts.messages import Message
from frikort_contracts.report_checks import CheckReports
from frikort_contracts.reporting import EarningsCommand, RegisterEmployment
from frikort_contracts.topics import MESSAGE_TYPES
from pydantic import AwareDatetime, BaseModel, ConfigDict

_Needing = RegisterEmployment | EarningsCommand | CheckReports


class DeferredCommand(BaseModel):
    """A command as it is stored until its card event arrives."""

    model_config = ConfigDict(frozen=True)

    id: UUID
    time: AwareDatetime
    source: str
    correlation_id: UUID
    type: str
    command: dict[str, Any]


def needed_card_revision(command: Message) -> int:
    """The card revision that ``command`` must be decided on, or a later one; 0 if it needs none."""
    return command.card_revision if isinstance(command, _Needing) else 0


def defer(message: Envelope[Any]) -> DeferredCommand:
    """The stored form of a command."""
    return DeferredCommand(
        id=message.id,
        time=message.time,
        source=message.source,
        correlation_id=message.correlation_id,
        type=message.data.type,
        command=message.data.model_dump(mode="json"),
    )


def resume(deferred: DeferredCommand) -> Envelope[Any]:
    """The command as it arrived."""
    return Envelope(
        id=deferred.id,
        time=deferred.time,
        source=deferred.source,
        data=MESSAGE_TYPES[deferred.type].model_validate(deferred.command),
        correlation_id=deferred.correlation_id,
    )
