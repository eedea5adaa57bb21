"""Responses to commands about mandates and disputes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from frikort_contracts.cloudevents import Envelope
from frikort_contracts.issuance import GrantMandate, WithdrawMandate
from frikort_contracts.messages import Command
from frikort_contracts.reporting import DecideDispute, DisputeReport, WithdrawDispute
from frikort_contracts.values import danish_day

from services.gateway.cards import presenters
from services.gateway.commands.responses import Responder, created, done
from services.gateway.commands.service import CommandResponse
from services.gateway.formats import Language
from services.gateway.person_encryption import Persons
from services.gateway.projections.outcomes import OutcomeView
from services.gateway.read_models import ReadModelInconsistent, ReadModels


class CardResponses:
    """Builds them from the read models."""

    def __init__(self, read_models: ReadModels, persons: Persons) -> None:
        self._read_models = read_models
        self._persons = persons

    @property
    def responders(self) -> Mapping[type[Command], Responder]:
        """The responder of each command type."""
        return {
            GrantMandate: self._mandate,
            WithdrawMandate: self._mandate,
            DisputeReport: self._dispute,
            WithdrawDispute: self._dispute,
            DecideDispute: self._dispute,
        }

    async def _mandate(self, message: Envelope[Any], outcome: OutcomeView, language: Language) -> CommandResponse:
        card = await self._read_models.card_of_outcome(outcome)
        for mandate in card.mandates:
            if mandate.mandate_id == outcome.mandate_id:
                holder = self._persons.decrypt_holder(mandate.holder, card.card_id)
                resource = presenters.mandate(mandate, holder, danish_day(message.time))
                is_new = isinstance(message.data, GrantMandate)
                return created(resource, language) if is_new else done(resource, language)
        raise ReadModelInconsistent("an outcome refers to an unknown mandate")

    async def _dispute(self, _: Envelope[Any], outcome: OutcomeView, language: Language) -> CommandResponse:
        view = await self._read_models.report_of_outcome(outcome)
        ledger = await self._read_models.ledger(view.card_id, view.year)
        return done(presenters.card_report(view, ledger, self._persons.decrypt_message), language)
