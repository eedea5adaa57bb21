"""Responses to an employer's commands about employments and reports."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from frikort_contracts.cloudevents import Envelope
from frikort_contracts.http.reports import DryRunResource
from frikort_contracts.messages import Command
from frikort_contracts.reporting import (
    AnswerDispute,
    ChangeEmployment,
    CorrectReport,
    DeclareNoWork,
    RegisterEmployment,
    ReportEarnings,
    WithdrawReport,
)
from frikort_contracts.rules.allowances import Allowances
from frikort_contracts.values import danish_day

from services.gateway.commands.responses import (
    ProblemMembers,
    Responder,
    created,
    done,
)
from services.gateway.commands.service import CommandResponse
from services.gateway.employer import presenters
from services.gateway.employer.payment_instructions import expected_instructions, payment_instructions
from services.gateway.formats import Language
from services.gateway.known_allowance import expected_split, known_remaining
from services.gateway.person_encryption import Persons
from services.gateway.presenters import amounts, remaining
from services.gateway.projections.outcomes import OutcomeView
from services.gateway.projections.reports import ReportView
from services.gateway.read_models import ReadModelInconsistent, ReadModels


class EmployerResponses:
    """Builds them from the read models."""

    def __init__(self, read_models: ReadModels, persons: Persons, allowances: Allowances) -> None:
        self._read_models = read_models
        self._persons = persons
        self._allowances = allowances

    @property
    def responders(self) -> Mapping[type[Command], Responder]:
        """The responder of each command type."""
        return {
            RegisterEmployment: self._employment,
            ChangeEmployment: self._employment,
            DeclareNoWork: self._employment,
            ReportEarnings: self._reported,
            CorrectReport: self._report,
            WithdrawReport: self._report,
            AnswerDispute: self._report,
        }

    @property
    def problem_members(self) -> Mapping[type[Command], ProblemMembers]:
        """Further members of problem documents, by command type."""
        return {
            ReportEarnings: self._earlier_report,
            CorrectReport: self._earlier_report,
            WithdrawReport: self._earlier_report,
            ChangeEmployment: self._report_outside,
        }

    async def _employment(self, message: Envelope[Any], outcome: OutcomeView, language: Language) -> CommandResponse:
        employment_id = outcome.employment_id
        view = None if employment_id is None else await self._read_models.employments.get(employment_id)
        if view is None:
            raise ReadModelInconsistent("an outcome refers to an unknown employment")
        contact = self._persons.decrypt_contact(view.contact, view.card_id, view.cvr)
        label = self._persons.decrypt_label(view.label, view.card_id, view.cvr)
        card = await self._read_models.cards.get(view.card_id)
        employment = presenters.employment(view, contact, label, card)
        respond = created if isinstance(message.data, RegisterEmployment) else done
        response = respond(employment, language, f"/v1/employments/{employment.employment_id}")
        return response.model_copy(update={"contact": view.contact})

    async def _reported(
        self, message: Envelope[ReportEarnings], outcome: OutcomeView, language: Language
    ) -> CommandResponse:
        if message.data.dry_run:
            return done(await self._dry_run(message, outcome, language), language)
        return await self._report(message, outcome, language)

    async def _report(self, message: Envelope[Any], outcome: OutcomeView, language: Language) -> CommandResponse:
        view = await self._read_models.report_of_outcome(outcome)
        ledger = await self._read_models.ledger(view.card_id, view.year)
        report = presenters.report(
            view,
            ledger,
            language,
            self._persons,
            already_reported=outcome.already_reported,
            corrected_since=outcome.corrected_since,
        )
        is_new = isinstance(message.data, ReportEarnings) and not outcome.already_reported
        respond = created if is_new else done
        return respond(report, language, f"/v1/reports/{report.report_id}")

    async def _dry_run(
        self, message: Envelope[ReportEarnings], outcome: OutcomeView, language: Language
    ) -> DryRunResource:
        """What the employer may expect. Where the report was accepted before, the split is the one that it has.

        The allowance is the ledger's: a report would be split by it too. It is that of the table for a first report.
        """
        command, year = message.data, message.data.payment_date.year
        ledger = await self._read_models.ledger(command.card_id, year)
        row = self._allowances.in_force(year, danish_day(message.time))
        if row is None:
            raise ReadModelInconsistent(f"reporting has an allowance for {year}, and the gateway's table has none")
        dividing, left = amounts(row, ledger), remaining(row, ledger)
        total = command.components.total
        exempt, excess, after = expected_split(total, left)
        instructions = expected_instructions
        booked = None
        if outcome.already_reported and outcome.report_id is not None:
            booked = await self._read_models.reports.get(outcome.report_id)
        if booked is not None and booked.settlement is not None:
            exempt, excess, after = booked.settlement.exempt, booked.settlement.excess, known_remaining(left)
            total, instructions = booked.settlement.total, payment_instructions
        return DryRunResource(
            employment_id=command.employment_id,
            reference=self._persons.decrypt_reference(
                command.reference, command.reference_ciphertext, command.report_id or ""
            ),
            year=year,
            total_ore=total,
            exempt_at_least_ore=exempt,
            excess_at_most_ore=excess,
            allowance_ore=dividing.allowance,
            provisional=dividing.provisional,
            remaining_before_ore=known_remaining(left),
            remaining_after_ore=after,
            already_reported=outcome.already_reported,
            corrected_since=outcome.corrected_since,
            advice=instructions(
                exempt=exempt, excess=excess, year=year, provisional=dividing.provisional, language=language
            ),
        )

    async def _earlier_report(
        self, message: Envelope[Any], outcome: OutcomeView, language: Language
    ) -> Mapping[str, Any]:
        """The own report because of which the command was refused, as ``earlier``, without what is left of the card."""
        view = await self._report_in(message, outcome)
        if view is None:
            return {}
        ledger = await self._read_models.ledger(view.card_id, view.year)
        line = presenters.report_line(view, ledger, language, self._persons, is_current=False)
        return {"earlier": line.model_dump(mode="json"), **self._facts(outcome, view)}

    async def _report_outside(self, message: Envelope[Any], outcome: OutcomeView, _: Language) -> Mapping[str, Any]:
        """The own reference of the report because of which the period was refused."""
        view = await self._report_in(message, outcome)
        return {} if view is None else self._facts(outcome, view)

    async def _report_in(self, message: Envelope[Any], outcome: OutcomeView) -> ReportView | None:
        """The own report that the outcome names."""
        report_id = outcome.detail.get("report_id")
        view = await self._read_models.reports.get(report_id) if isinstance(report_id, str) else None
        return None if view is None or view.booked is None or view.cvr != message.data.cvr else view

    def _facts(self, outcome: OutcomeView, view: ReportView) -> dict[str, Any]:
        """The facts of the problem with the report's reference, which no outcome has."""
        reference = self._persons.decrypt_reference(view.reference, view.reference_ciphertext, view.report_id)
        return {"facts": outcome.detail if reference is None else {**outcome.detail, "reference": reference}}
