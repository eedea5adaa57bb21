"""The response to the request of an extract."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID, uuid5

from frikort_contracts.cloudevents import Envelope
from frikort_contracts.extract_files import KIND_OF, RequestExtractFiles
from frikort_contracts.extracts import RequestExtract
from frikort_contracts.http.roles import Role
from frikort_contracts.messages import Command

from services.gateway.commands.responses import Responder, created
from services.gateway.commands.service import CommandResponse
from services.gateway.extracts import queries
from services.gateway.extracts.requests import StoredExtractRequest
from services.gateway.extracts.scopes import Requester
from services.gateway.formats import Language
from services.gateway.projections.outcomes import OutcomeView
from services.gateway.read_models import GatewayReadModels


class ExtractResponses:
    """Builds it from the read models."""

    def __init__(self, read_models: GatewayReadModels) -> None:
        self._read_models = read_models

    @property
    def responders(self) -> Mapping[type[Command], Responder]:
        """The responder of each command type."""
        return {RequestExtractFiles: self._extract, RequestExtract: self._extract}

    async def _extract(
        self, message: Envelope[RequestExtractFiles | RequestExtract], _: OutcomeView, language: Language
    ) -> CommandResponse:
        request = extract_request_of(message)
        extract = await queries.extract(self._read_models, request)
        return created(extract, language, f"{queries.address_of(request)}/{extract.extract_id}")


def extract_id_of(command_id: UUID) -> str:
    """The id of the extract that a command requests."""
    return str(uuid5(command_id, "extract"))


def extract_request_of(message: Envelope[RequestExtractFiles | RequestExtract]) -> StoredExtractRequest:
    """The extract that a command requests."""
    command = message.data
    if isinstance(command, RequestExtract):  # of the release before
        requester, kind = Requester(Role.AUTHORITY, command.authority), KIND_OF[command.authority]
        period, year = None, command.year
    else:
        requester, kind = Requester.of(command.requester), command.kind
        period, year = command.period, command.months.years[0]
    return StoredExtractRequest(
        extract_id=command.extract_id,
        requester=requester.text,
        kind=kind,
        authority=requester.organisation if requester.role is Role.AUTHORITY else None,
        year=year,
        period=period,
        municipality=command.municipality,
        requested_at=message.time,
    )
