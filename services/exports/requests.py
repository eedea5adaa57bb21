"""The rule for extract requests: one document for each, which says what is asked and how far it has come."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from frikort_contracts.cloudevents import Envelope
from frikort_contracts.extracts import Authority, ExtractCompleted, Position, RequestExtract
from frikort_contracts.outcomes import CommandAccepted
from frikort_contracts.topics import EXPORTS_COMMANDS
from pydantic import BaseModel, ConfigDict

from services.runtime.processing.decision import Address, Decision, Processor


class ExtractRequest(BaseModel):
    """One extract. The fields below the line belong to the worker (``worker.py``), which fences with ``attempt``."""

    model_config = ConfigDict(frozen=True)

    extract_id: str
    authority: Authority
    year: int
    municipality: str | None
    positions: tuple[Position, ...]
    command_id: UUID
    correlation_id: UUID
    traceparent: str | None
    requested_at: datetime
    # ---
    done: bool = False
    attempt: int = 0
    lease_until: int = 0  # milliseconds by the database's clock; nobody else may work on it before
    manifest: ExtractCompleted | None = None


def address(message: Envelope[RequestExtract]) -> Address:
    return Address(message.data.extract_id)


def decide(
    state: ExtractRequest | None, message: Envelope[RequestExtract], _taken: Collection[str] = ()
) -> Decision[ExtractRequest]:
    """Record the request as waiting. One that is there already stays as it is."""
    command = message.data
    accepted = CommandAccepted(command_id=str(message.id), year=command.year, already_reported=state is not None)
    waiting = state or ExtractRequest(
        extract_id=command.extract_id,
        authority=command.authority,
        year=command.year,
        municipality=command.municipality,
        positions=command.positions,
        command_id=message.id,
        correlation_id=message.correlation_id,
        traceparent=message.traceparent,
        requested_at=message.time,
    )
    return Decision(waiting, (accepted,))


REQUESTS: Processor[ExtractRequest] = Processor(
    name="requests",
    topics=(EXPORTS_COMMANDS,),
    state=ExtractRequest,
    address=address,
    decide=decide,
    indexes=("done",),
)
