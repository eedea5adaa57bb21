"""Extract requests: one document each, with what is requested and how far the work is."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from frikort_contracts.cloudevents import Envelope
from frikort_contracts.extract_files import KIND_OF, ExtractKind, ExtractMade, RequestExtractFiles, months_of
from frikort_contracts.extracts import Authority, Position, RequestExtract
from frikort_contracts.months import Months
from frikort_contracts.outcomes import CommandAccepted
from frikort_contracts.topics import EXPORTS_COMMANDS, EXTRACT_REQUESTS
from pydantic import BaseModel, ConfigDict, model_validator

from services.runtime.processing.decision import Address, Decision, Processor


class ExtractRequest(BaseModel):
    """One extract, of ``year`` or of ``period``.

    Workers own the fields from ``done`` on; ``attempt`` fences their writes (see ``ExtractQueue``).
    """

    model_config = ConfigDict(frozen=True)

    extract_id: str
    kind: ExtractKind
    year: int | None
    period: Months | None = None
    municipality: str | None
    cvr: str | None = None
    card_id: str | None = None
    positions: tuple[Position, ...]
    command_id: UUID
    correlation_id: UUID
    traceparent: str | None
    requested_at: datetime
    done: bool = False
    attempt: int = 0
    lease_until: int = 0  # milliseconds by the database's clock
    made: ExtractMade | None = None

    @property
    def months(self) -> Months:
        """The months whose payments it contains."""
        return months_of(self.year, self.period)

    @model_validator(mode="before")
    @classmethod
    def _of_authority(cls, stored: Any) -> Any:
        """Read an ``AuthorityRequest`` as well."""
        if isinstance(stored, Mapping) and "kind" not in stored:
            return {**stored, "kind": KIND_OF[Authority(stored["authority"])]}
        return stored


class AuthorityRequest(BaseModel):
    """An extract that a gateway of the release before requested, as that release stores it."""

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
    lease_until: int = 0
    made: ExtractMade | None = None


def _address(message: Envelope[RequestExtract]) -> Address:
    return Address(message.data.extract_id)


def decide_request(
    state: ExtractRequest | None, message: Envelope[RequestExtractFiles], _taken: Collection[str] = ()
) -> Decision[ExtractRequest]:
    """Record the request for the workers. A request that exists stays as it is."""
    command = message.data
    request = state or ExtractRequest(
        extract_id=command.extract_id,
        kind=command.kind,
        year=command.year,
        period=command.period,
        municipality=command.municipality,
        cvr=command.cvr,
        card_id=command.card_id,
        positions=command.positions,
        command_id=message.id,
        correlation_id=message.correlation_id,
        traceparent=message.traceparent,
        requested_at=message.time,
    )
    return Decision(request, (_accepted(message, already_reported=state is not None),))


def decide_authority_request(
    state: AuthorityRequest | None, message: Envelope[RequestExtract], _taken: Collection[str] = ()
) -> Decision[AuthorityRequest]:
    """The same for a command of the release before."""
    command = message.data
    request = state or AuthorityRequest(
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
    return Decision(request, (_accepted(message, already_reported=state is not None),))


def _accepted(
    message: Envelope[RequestExtractFiles] | Envelope[RequestExtract], *, already_reported: bool
) -> CommandAccepted:
    return CommandAccepted(command_id=str(message.id), year=message.data.year, already_reported=already_reported)


def _requests(name: str, *, of_periods: bool) -> Processor[ExtractRequest]:
    def address(message: Envelope[RequestExtractFiles]) -> Address | None:
        return Address(message.data.extract_id) if (message.data.period is not None) is of_periods else None

    return Processor(
        name=name,
        topics=(EXTRACT_REQUESTS,),
        state=ExtractRequest,
        address=address,
        decide=decide_request,
        indexes=("done",),
    )


EXTRACT_FILES: Final = _requests("extract_files", of_periods=False)
PERIOD_EXTRACTS: Final = _requests("period_extracts", of_periods=True)
"""The requests of periods. The release before would make an extract of a year from one, so it must not find them."""
REQUESTS: Final[Processor[AuthorityRequest]] = Processor(
    name="requests",
    topics=(EXPORTS_COMMANDS,),
    state=AuthorityRequest,
    address=_address,
    decide=decide_authority_request,
    indexes=("done",),
)
"""The requests of the release before. The next release no longer has them."""
