"""The workload of employers: employments, reports, corrections and withdrawals, with common mistakes."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cache
from typing import Any, Final

from frikort_contracts import references
from frikort_contracts.http.roles import Role
from frikort_contracts.outcomes import Problem
from frikort_contracts.reporting import (
    AnswerDispute,
    AnswerReason,
    ChangeEmployment,
    CorrectionReason,
    CorrectReport,
    DeclareNoWork,
    RegisterEmployment,
    ReportEarnings,
    WithdrawReport,
)
from frikort_contracts.values import Components, EncryptedPerson, Period, WorkPeriod

from services.gateway.problems import ProblemError
from services.gateway.read_models import ReadModels
from tests.simulation.clients import Clients

EMPLOYERS: Final = ("10000009", "10000017", "10000025", "10000033")


@dataclass
class KnownEmployment:
    """An employment as its employer knows it.

    ``reports`` are the references that it has used, ``accepted`` those of accepted reports, ``contents`` their content.
    """

    cvr: str
    card_id: str
    employment_id: str
    first: date
    reports: list[str] = field(default_factory=list)
    accepted: list[str] = field(default_factory=list)
    contents: dict[str, dict[str, Any]] = field(default_factory=dict)


_report_id = cache(references.report_id_of)


def report_id_of(employment: KnownEmployment, reference: str) -> str:
    return _report_id(employment.employment_id, reference)


class Payroll:
    """All employers. ``employments`` are those that were registered; ``steps`` scales the number of payroll actions."""

    def __init__(self, clients: Clients, steps: float) -> None:
        self._clients = clients
        self.rng = clients.rng
        self.employments: list[KnownEmployment] = []
        self._steps = steps

    async def employ(self, cvr: str, person: EncryptedPerson, card_id: str) -> None:
        """Register a citizen's employment, then report, correct and withdraw, sometimes wrongly."""
        rng = self.rng
        employment = await self._register(cvr, person, card_id)
        if employment is None:
            return
        self.employments.append(employment)
        for _ in range(int(rng.choice((2, 4, 7, 10)) * self._steps)):
            if rng.random() < 0.6:
                await self._clients.think()
            await self._do_payroll(employment)

    async def _register(self, cvr: str, person: EncryptedPerson, card_id: str) -> KnownEmployment | None:
        wrong = self.rng.random() < 0.08
        first = self._clients.today() - timedelta(days=self.rng.choice((0, 5, 400)))

        async def build(models: ReadModels) -> RegisterEmployment:
            card = await models.cards.get(card_id)
            if card is None:
                raise ProblemError(Problem.NUMBER_OR_BIRTH_DATE_WRONG)
            return RegisterEmployment(
                card_id=card_id,
                cvr=cvr,
                actor="clerk",
                card_revision=card.revision,
                number="99999" if wrong else card.number,
                birth_check=person.birth_check,
                period=Period(first=first),
                contact="k.contact",
            )

        outcome = await self._clients.send(Role.EMPLOYER, cvr, "register", build)
        if outcome is None or outcome.employment_id is None:
            return None
        return KnownEmployment(cvr, card_id, outcome.employment_id, first)

    async def _do_payroll(self, employment: KnownEmployment) -> None:
        rng = self.rng
        draw = rng.random()
        if draw < 0.12:  # a payroll run: many reports at once
            for index in range(rng.choice((2, 4, 8))):
                self._clients.start(
                    f"burst-{employment.cvr}-{index}", self._report(employment, self._new_reference(employment))
                )
        elif draw < 0.45 or not employment.accepted:
            await self._report(
                employment,
                self._new_reference(employment),
                dry_run=rng.random() < 0.1,
                allow_duplicate=rng.random() < 0.2,
            )
        elif draw < 0.55:  # the same report again, or another one under the same reference
            reference = rng.choice(employment.accepted)
            await self._report(
                employment, reference, content=employment.contents[reference] if rng.random() < 0.6 else None
            )
        elif draw < 0.78:
            await self._correct(employment)
        elif draw < 0.92:
            await self._withdraw(employment)
        elif draw < 0.96:
            await self._change(employment)
        else:
            await self._declare_no_work(employment)
        if self._disputed(employment) and rng.random() < 0.3:
            await self._answer_dispute(employment)

    def _new_reference(self, employment: KnownEmployment) -> str:
        reference = f"pay-{len(employment.reports)}"
        employment.reports.append(reference)
        return reference

    async def _report(
        self,
        employment: KnownEmployment,
        reference: str,
        *,
        content: dict[str, Any] | None = None,
        dry_run: bool = False,
        allow_duplicate: bool = False,
    ) -> None:
        content = content or self._pay(employment)

        async def build(models: ReadModels) -> ReportEarnings:
            about = await self._about(models, employment)
            return ReportEarnings(
                **about,
                report_id=report_id_of(employment, reference),
                reference_ciphertext=f"k.{self._clients.next_number()}",  # another one each time
                allow_duplicate=allow_duplicate,
                dry_run=dry_run,
                **content,
            )

        outcome = await self._clients.send(Role.EMPLOYER, employment.cvr, f"report {reference}", build)
        if outcome is not None and outcome.problem is None and not dry_run:
            employment.accepted.append(reference)
            employment.contents.setdefault(reference, content)

    async def _correct(self, employment: KnownEmployment) -> None:
        report_id, content = self._some_report(employment), self._pay(employment)
        if self.rng.random() < 0.2:  # back to the content of the first report
            reference = self.rng.choice(employment.accepted)
            report_id, content = report_id_of(employment, reference), employment.contents[reference]

        async def build(models: ReadModels) -> CorrectReport:
            return CorrectReport(
                **await self._about(models, employment),
                report_id=report_id,
                reason=CorrectionReason.WRONG_AMOUNT,
                **content,
            )

        await self._clients.send(Role.EMPLOYER, employment.cvr, f"correct {report_id}", build)

    async def _withdraw(self, employment: KnownEmployment) -> None:
        report_id = self._some_report(employment)

        async def build(models: ReadModels) -> WithdrawReport:
            about = await self._about(models, employment)
            del about["card_revision"]
            return WithdrawReport(**about, report_id=report_id, reason=CorrectionReason.NOT_PAID)

        await self._clients.send(Role.EMPLOYER, employment.cvr, f"withdraw {report_id}", build)

    async def _answer_dispute(self, employment: KnownEmployment) -> None:
        report_id, reason = self._some_report(employment), self.rng.choice(list(AnswerReason))

        async def build(models: ReadModels) -> AnswerDispute:
            about = await self._about(models, employment)
            del about["card_revision"]
            return AnswerDispute(**about, report_id=report_id, reason=reason)

        await self._clients.send(Role.EMPLOYER, employment.cvr, f"answer dispute {report_id}", build)

    async def _change(self, employment: KnownEmployment) -> None:
        last = self._clients.today() - timedelta(days=self.rng.choice((-30, 0, 0, 3)))
        period = Period(first=employment.first, last=None if self.rng.random() < 0.5 else max(last, employment.first))

        async def build(models: ReadModels) -> ChangeEmployment:
            about = await self._about(models, employment)
            del about["card_revision"]
            return ChangeEmployment(**about, period=period)

        await self._clients.send(Role.EMPLOYER, employment.cvr, "change", build)

    async def _declare_no_work(self, employment: KnownEmployment) -> None:
        last = self._clients.today() - timedelta(days=self.rng.choice((-1, 0, 1, 3)))
        days = WorkPeriod(first=last - timedelta(days=self.rng.choice((0, 1, 3))), last=last)

        async def build(models: ReadModels) -> DeclareNoWork:
            about = await self._about(models, employment)
            del about["card_revision"]
            return DeclareNoWork(**about, days=days)

        await self._clients.send(Role.EMPLOYER, employment.cvr, "no work", build)

    async def _about(self, models: ReadModels, employment: KnownEmployment) -> dict[str, Any]:
        view = await models.employments.get(employment.employment_id)
        if view is None or view.cvr != employment.cvr:
            raise ProblemError(Problem.EMPLOYMENT_UNKNOWN)
        card = await models.cards.get(view.card_id)
        return {
            "card_id": employment.card_id,
            "cvr": employment.cvr,
            "actor": "clerk",
            "employment_id": employment.employment_id,
            "card_revision": 1 if card is None else card.revision,
        }

    def _disputed(self, employment: KnownEmployment) -> list[str]:
        accepted = (report_id_of(employment, reference) for reference in employment.accepted)
        return [report_id for report_id in accepted if self._clients.is_disputed(report_id)]

    def _some_report(self, employment: KnownEmployment) -> str:
        """A report id: usually a disputed report of this employment, sometimes another employer's or an unknown one."""
        disputed = self._disputed(employment)
        if disputed and self.rng.random() < 0.8:
            return self.rng.choice(disputed)
        source = employment if self.rng.random() < 0.93 else self.rng.choice(self.employments)
        references = source.accepted if self.rng.random() < 0.9 else source.reports
        reference = self.rng.choice(references) if references else "none"
        return report_id_of(source, reference)

    def _pay(self, employment: KnownEmployment) -> dict[str, Any]:
        """The content of a report: amounts near the cap; sometimes zero, too much, or a day outside the employment."""
        rng, today = self.rng, self._clients.today()
        allowance = 4_276_600
        wage = rng.choice((allowance // 2, allowance // 5, allowance // 5, allowance, rng.randrange(1, allowance)))
        if rng.random() < 0.04:
            wage = rng.choice((0, 10**9))
        paid = today - timedelta(days=rng.choice((0, 0, 0, 0, 0, 0, 1, 2, -2)))
        worked = min(paid, today) if rng.random() < 0.95 else employment.first - timedelta(days=3)
        return {
            "work": WorkPeriod(first=worked, last=worked),
            "payment_date": paid,
            "components": Components(wage=wage, holiday_pay=wage // 8 if rng.random() < 0.3 else 0),
        }
