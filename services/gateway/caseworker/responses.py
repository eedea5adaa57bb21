"""Responses to a municipality's commands about cards."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from frikort_contracts.cloudevents import Envelope
from frikort_contracts.http.cards import HandedOverResource
from frikort_contracts.issuance import (
    DeactivateCard,
    HandOverCard,
    IssueCard,
    ReactivateCard,
    RecordControl,
    ReplaceCardNumber,
)
from frikort_contracts.messages import Command

from services.gateway.caseworker import presenters
from services.gateway.commands.responses import Responder, created, done
from services.gateway.commands.service import CommandResponse
from services.gateway.formats import Language
from services.gateway.person_encryption import Persons
from services.gateway.presenters import municipality
from services.gateway.projections.outcomes import OutcomeView
from services.gateway.read_models import ReadModels


class CaseworkerResponses:
    """Builds them from the read models."""

    def __init__(self, read_models: ReadModels, persons: Persons) -> None:
        self._read_models = read_models
        self._persons = persons

    @property
    def responders(self) -> Mapping[type[Command], Responder]:
        """The responder of each command type."""
        changes: tuple[type[Command], ...] = (
            IssueCard,
            DeactivateCard,
            ReactivateCard,
            ReplaceCardNumber,
            RecordControl,
        )
        return {HandOverCard: self._handed_over, **dict.fromkeys(changes, self._card)}

    async def _card(self, message: Envelope[Any], outcome: OutcomeView, language: Language) -> CommandResponse:
        view = await self._read_models.card_of_outcome(outcome)
        card = presenters.card(view, self._persons)
        respond = created if isinstance(message.data, IssueCard) else done
        return respond(card, language, f"/v1/cards/{card.card_id}")

    async def _handed_over(
        self, message: Envelope[HandOverCard], _: OutcomeView, language: Language
    ) -> CommandResponse:
        command = message.data
        resource = HandedOverResource(card_id=command.card_id, handed_over_to=municipality(command.to_municipality))
        return done(resource, language)
