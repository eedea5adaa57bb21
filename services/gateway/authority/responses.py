"""The response to the request of an extract."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID, uuid5

from frikort_contracts.cloudevents import Envelope
from frikort_contracts.extracts import RequestExtract
from frikort_contracts.messages import Command

from services.gateway.authority import queries
from services.gateway.commands.responses import Responder, created
from services.gateway.commands.service import CommandResponse
from services.gateway.extract_requests import StoredExtractRequest
from services.gateway.formats import Language
from services.gateway.projections.outcomes import OutcomeView
from services.gateway.read_models import GatewayReadModels


class AuthorityResponses:
    """Builds it from the read models."""

    def __init__(self, read_models: GatewayReadModels) -> None:
        self._read_models = read_models

    @property
    def responders(self) -> Mapping[type[Command], Responder]:
        """The responder of each command type."""
        return {RequestExtract: self._extract}

    async def _extract(self, message: Envelope[RequestExtract], _: OutcomeView, language: Language) -> CommandResponse:
        extract = await queries.extract(self._read_models, extract_request_of(message))
        return created(extract, language, f"/v1/extracts/{extract.extract_id}")


def extract_id_of(command_id: UUID) -> str:
    """The id of the extract that a command requests."""
    return str(uuid5(command_id, "extract"))


def extract_request_of(message: Envelope[RequestExtract]) -> StoredExtractRequest:
    """The extract that a command requests."""
    command = message.data
    return StoredExtractRequest(
        extract_id=command.extract_id,
        authority=command.authority,
        year=command.year,
        municipality=command.municipality,
        requested_at=message.time,
    )
