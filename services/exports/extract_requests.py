"""Extract requests: one document each, with what is requested and how far the work is."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from frikort_contracts.cloudevents import Envelope
from frikort_contracts.extracts import Authority, ExtractCompleted, Position, RequestExtract
from frikort_contracts.outcomes import CommandAccepted
from pydantic import BaseModel, ConfigDict

from services.runtime.processing.decision import Address, Decision


class ExtractRequest(BaseModel):
    """One extract. Workers own the fields from ``done`` on; ``attempt`` fences their writes (see ``ExtractQueue``)."""

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
    done: bool = False
    attempt: int = 0
    lease_until: int = 0  # milliseconds by the database's clock
    manifest: ExtractCompleted | None = None


def address_of_request(message: Envelope[RequestExtract]) -> Address:
    """The document of the extract."""
    return Address(message.data.extract_id)


def decide_request(
    state: ExtractRequest | None, message: Envelope[RequestExtract], _taken: Collection[str] = ()
) -> Decision[ExtractRequest]:
    """Record the request for the workers. A request that exists stays as it is."""
    command = message.data
    accepted = CommandAccepted(command_id=str(message.id), year=command.year, already_reported=state is not None)
    request = state or ExtractRequest(
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
    return Decision(request, (accepted,))
