"""The answer to a command, made from its outcome and the read models: the resource as the caller would get it."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID, uuid5

from frikort_contracts.cloudevents import Envelope
from frikort_contracts.extracts import RequestExtract
from frikort_contracts.http.cards import CardResource, HandedOverResource
from frikort_contracts.http.employments import EmploymentResource
from frikort_contracts.http.extracts import ExtractResource
from frikort_contracts.http.mandates import MandateResource
from frikort_contracts.http.reports import DryRunResource, ReportDetail
from frikort_contracts.issuance import GrantMandate, HandOverCard, IssueCard, MandateCommand, MunicipalCardCommand
from frikort_contracts.messages import Command
from frikort_contracts.reporting import (
    ChangeEmployment,
    DeclareNoWork,
    DisputeCommand,
    EmploymentCommand,
    RegisterEmployment,
    ReportEarnings,
)
from frikort_contracts.rules.allowances import AllowanceTable, split
from frikort_contracts.values import danish_day
from pydantic import BaseModel

from services.gateway import showing
from services.gateway.commands.service import Answer
from services.gateway.formats import Language
from services.gateway.payment_instructions import advice
from services.gateway.person_encryption import Persons
from services.gateway.problem_texts import CATALOGUE
from services.gateway.problems import document
from services.gateway.projections.cards import CardView
from services.gateway.projections.outcomes import OutcomeView
from services.gateway.projections.reports import ReportView
from services.gateway.read_models import ExtractRequest, Models

_CREATED = 201
_DONE = 200


class ReadModelInconsistent(RuntimeError):
    """An outcome names something that the read models do not have: the services disagree."""


class ResponseBuilder:
    """Makes answers."""

    def __init__(self, *, models: Models, persons: Persons, allowances: AllowanceTable) -> None:
        self._models = models
        self._persons = persons
        self._allowances = allowances

    async def answer(self, message: Envelope[Any], outcome: OutcomeView, language: Language) -> Answer:
        """What the sender of the command ``message`` is told."""
        command: Command = message.data
        if outcome.problem is not None:
            return await self._refused(command, outcome, language)
        match command:
            case HandOverCard():
                return _answer(_DONE, self._handed_over(command), language)
            case IssueCard() | MunicipalCardCommand():
                card = await self._card(outcome)
                return _created_if(isinstance(command, IssueCard), card, language, f"/v1/cards/{card.card_id}")
            case MandateCommand():
                mandate = await self._mandate(outcome, danish_day(message.time))
                return _answer(_CREATED if isinstance(command, GrantMandate) else _DONE, mandate, language)
            case ReportEarnings() if command.dry_run:
                return _answer(_DONE, await self._dry_run(command, outcome, language), language)
            case RegisterEmployment() | ChangeEmployment() | DeclareNoWork():
                employment = await self._employment(outcome)
                created = isinstance(command, RegisterEmployment)
                return _created_if(created, employment, language, f"/v1/employments/{employment.employment_id}")
            case EmploymentCommand():
                report = await self._report(outcome, language)
                created = isinstance(command, ReportEarnings) and not outcome.already_reported
                return _created_if(created, report, language, f"/v1/reports/{report.report_id}")
            case DisputeCommand():
                view = await self._reported(outcome)
                return _answer(_DONE, showing.card_report(view, self._persons.open_message), language)
            case RequestExtract():
                extract = await self.extract(extract_request_of(message))
                return _created_if(True, extract, language, f"/v1/extracts/{extract.extract_id}")
        raise ReadModelInconsistent(f"no answer is known for {type(command).__name__}")

    async def extract(self, request: ExtractRequest) -> ExtractResource:
        """An extract and how far it has come."""
        view = await self._models.extracts.get(request.extract_id)
        attempt = 0 if view is None else view.attempt
        return showing.extract(request, view, await self._models.written(request.extract_id, attempt))

    async def _refused(self, command: Command, outcome: OutcomeView, language: Language) -> Answer:
        code = str(outcome.problem)
        body = document(code, language, instance=outcome.command_id, facts=outcome.detail)
        earlier = outcome.detail.get("report_id")
        if isinstance(command, ReportEarnings) and isinstance(earlier, str):
            view = await self._models.reports.get(earlier)
            if view is not None and view.booked is not None and view.cvr == command.cvr:
                ledger = await self._models.ledger(view.card_id, view.year)
                line = showing.report_line(view, ledger, language, self._persons.open_message)
                body["earlier"] = line.model_dump(mode="json")
        return Answer(status=CATALOGUE[code].status, body=body, language=language)

    async def _card(self, outcome: OutcomeView) -> CardResource:
        view = await self._card_view(outcome)
        return showing.card(view, self._persons.open(view.person))

    async def _mandate(self, outcome: OutcomeView, today: date) -> MandateResource:
        for mandate in (await self._card_view(outcome)).mandates:
            if mandate.mandate_id == outcome.mandate_id:
                return showing.mandate(mandate, self._persons.open(mandate.holder), today)
        raise ReadModelInconsistent("an outcome names no mandate that is known")

    async def _card_view(self, outcome: OutcomeView) -> CardView:
        view = None if outcome.card_id is None else await self._models.cards.get(outcome.card_id)
        if view is None:
            raise ReadModelInconsistent("an outcome names no card that is known")
        return view

    @staticmethod
    def _handed_over(command: HandOverCard) -> HandedOverResource:
        return HandedOverResource(card_id=command.card_id, handed_over_to=showing.municipality(command.to_municipality))

    async def _employment(self, outcome: OutcomeView) -> EmploymentResource:
        employment_id = outcome.employment_id
        view = None if employment_id is None else await self._models.employments.get(employment_id)
        if view is None:
            raise ReadModelInconsistent("an outcome names no employment that is known")
        contact = self._persons.open_contact(view.contact, view.cvr)
        return showing.employment(view, contact, self._persons.open_label(view.label, view.cvr))

    async def _report(self, outcome: OutcomeView, language: Language) -> ReportDetail:
        view = await self._reported(outcome)
        ledger = await self._models.ledger(view.card_id, view.year)
        return showing.report(
            view, ledger, language, self._persons.open_message, already_reported=outcome.already_reported
        )

    async def _reported(self, outcome: OutcomeView) -> ReportView:
        view = None if outcome.report_id is None else await self._models.reports.get(outcome.report_id)
        if view is None:
            raise ReadModelInconsistent("an outcome names no report that is known")
        return view

    async def _dry_run(self, command: ReportEarnings, outcome: OutcomeView, language: Language) -> DryRunResource:
        year = command.payment_date.year
        ledger = await self._models.ledger(command.card_id, year)
        row = self._allowances.get(year)
        if row is None:
            raise ReadModelInconsistent(f"reporting knows an allowance for {year} that is not in the gateway's table")
        totals = None if ledger is None else ledger.totals
        before = row.allowance if totals is None else totals.remaining
        exempt, excess = split(command.components.total, before)
        after = before - exempt
        booked = None
        if outcome.already_reported and outcome.report_id is not None:
            booked = await self._models.reports.get(outcome.report_id)
        if booked is not None and booked.settlement is not None:
            exempt, excess, after = booked.settlement.exempt, booked.settlement.excess, before
        return DryRunResource(
            employment_id=command.employment_id,
            reference=command.reference,
            year=year,
            total_ore=command.components.total,
            exempt_ore=exempt,
            excess_ore=excess,
            allowance_ore=row.allowance,
            provisional=row.provisional,
            remaining_before_ore=before,
            remaining_after_ore=after,
            already_reported=outcome.already_reported,
            advice=advice(exempt=exempt, excess=excess, year=year, provisional=row.provisional, language=language),
        )


def extract_id_of(command_id: UUID) -> str:
    """The extract that a command asks for."""
    return str(uuid5(command_id, "extract"))


def extract_request_of(message: Envelope[RequestExtract]) -> ExtractRequest:
    """What a command asks for."""
    command = message.data
    return ExtractRequest(
        extract_id=command.extract_id,
        authority=command.authority,
        year=command.year,
        municipality=command.municipality,
        requested_at=message.time,
    )


def _created_if(created: bool, resource: BaseModel, language: Language, location: str) -> Answer:
    return _answer(_CREATED if created else _DONE, resource, language, location)


def _answer(status: int, resource: BaseModel, language: Language, location: str | None = None) -> Answer:
    body: dict[str, Any] = resource.model_dump(mode="json")
    return Answer(status=status, body=body, language=language, location=location)
