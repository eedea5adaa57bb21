"""What employers and their payroll systems do, with every mistake there is."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, Final
from uuid import UUID, uuid5

from frikort_contracts.http.roles import Role
from frikort_contracts.outcomes import Problem
from frikort_contracts.reporting import (
    ChangeEmployment,
    CorrectionReason,
    CorrectReport,
    DeclareNoWork,
    RegisterEmployment,
    ReportEarnings,
    WithdrawReport,
)
from frikort_contracts.values import Components, Period, SealedPerson, WorkPeriod

from services.gateway.problems import ProblemError
from services.gateway.read_models import ReadModels
from tests.simulation.clients import Clients

EMPLOYERS: Final = ("10000009", "10000017", "10000025", "10000033")


@dataclass
class Job:
    """An employment as its employer knows it, and the reports made in it by reference."""

    cvr: str
    card_id: str
    employment_id: str
    first: date
    reports: list[str] = field(default_factory=list)
    accepted: list[str] = field(default_factory=list)
    said: dict[str, dict[str, Any]] = field(default_factory=dict)


def report_id_of(job: Job, reference: str) -> str:
    return str(uuid5(UUID(job.employment_id), reference))


class Payroll:
    """The employers; ``jobs`` are the employments that they know of."""

    def __init__(self, clients: Clients, steps: float) -> None:
        self._clients = clients
        self.rng = clients.rng
        self.jobs: list[Job] = []
        self._steps = steps

    async def employ(self, cvr: str, person: SealedPerson, card_id: str) -> None:
        """An employer registers the citizen, reports month after month, and makes every mistake there is."""
        rng = self.rng
        job = await self._register(cvr, person, card_id)
        if job is None:
            return
        self.jobs.append(job)
        for _ in range(int(rng.choice((2, 4, 7, 10)) * self._steps)):
            if rng.random() < 0.6:
                await self._clients.think()
            await self._do_payroll(job)

    async def _register(self, cvr: str, person: SealedPerson, card_id: str) -> Job | None:
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
        return Job(cvr, card_id, outcome.employment_id, first)

    async def _do_payroll(self, job: Job) -> None:
        rng = self.rng
        deed = rng.random()
        if deed < 0.12:  # a payroll run at month's end: many at once
            for index in range(rng.choice((2, 4, 8))):
                self._clients.start(f"burst-{job.cvr}-{index}", self._report(job, self._new_reference(job)))
        elif deed < 0.45 or not job.accepted:
            await self._report(
                job, self._new_reference(job), dry_run=rng.random() < 0.1, allow_duplicate=rng.random() < 0.2
            )
        elif deed < 0.55:  # the same file again, or another report under an old reference
            reference = rng.choice(job.accepted)
            await self._report(job, reference, facts=job.said[reference] if rng.random() < 0.6 else None)
        elif deed < 0.78:
            await self._correct(job)
        elif deed < 0.92:
            await self._withdraw(job)
        elif deed < 0.96:
            await self._change(job)
        else:
            await self._declare_no_work(job)

    def _new_reference(self, job: Job) -> str:
        reference = f"pay-{len(job.reports)}"
        job.reports.append(reference)
        return reference

    async def _report(
        self,
        job: Job,
        reference: str,
        *,
        facts: dict[str, Any] | None = None,
        dry_run: bool = False,
        allow_duplicate: bool = False,
    ) -> None:
        said = facts or self._pay(job)

        async def build(models: ReadModels) -> ReportEarnings:
            about = await self._about(models, job)
            return ReportEarnings(
                **about, reference=reference, allow_duplicate=allow_duplicate, dry_run=dry_run, **said
            )

        outcome = await self._clients.send(Role.EMPLOYER, job.cvr, f"report {reference}", build)
        if outcome is not None and outcome.problem is None and not dry_run:
            job.accepted.append(reference)
            job.said.setdefault(reference, said)

    async def _correct(self, job: Job) -> None:
        report_id, facts = self._some_report(job), self._pay(job)
        if self.rng.random() < 0.2:  # what it said before, once more
            reference = self.rng.choice(job.accepted)
            report_id, facts = report_id_of(job, reference), job.said[reference]

        async def build(models: ReadModels) -> CorrectReport:
            return CorrectReport(
                **await self._about(models, job), report_id=report_id, reason=CorrectionReason.WRONG_AMOUNT, **facts
            )

        await self._clients.send(Role.EMPLOYER, job.cvr, f"correct {report_id}", build)

    async def _withdraw(self, job: Job) -> None:
        report_id = self._some_report(job)

        async def build(models: ReadModels) -> WithdrawReport:
            about = await self._about(models, job)
            del about["card_revision"]
            return WithdrawReport(**about, report_id=report_id, reason=CorrectionReason.NOT_PAID)

        await self._clients.send(Role.EMPLOYER, job.cvr, f"withdraw {report_id}", build)

    async def _change(self, job: Job) -> None:
        last = self._clients.today() - timedelta(days=self.rng.choice((-30, 0, 0, 3)))
        period = Period(first=job.first, last=None if self.rng.random() < 0.5 else max(last, job.first))

        async def build(models: ReadModels) -> ChangeEmployment:
            about = await self._about(models, job)
            del about["card_revision"]
            return ChangeEmployment(**about, period=period)

        await self._clients.send(Role.EMPLOYER, job.cvr, "change", build)

    async def _declare_no_work(self, job: Job) -> None:
        last = self._clients.today() - timedelta(days=self.rng.choice((-1, 0, 1, 3)))
        days = WorkPeriod(first=last - timedelta(days=self.rng.choice((0, 1, 3))), last=last)

        async def build(models: ReadModels) -> DeclareNoWork:
            about = await self._about(models, job)
            del about["card_revision"]
            return DeclareNoWork(**about, days=days)

        await self._clients.send(Role.EMPLOYER, job.cvr, "no work", build)

    async def _about(self, models: ReadModels, job: Job) -> dict[str, Any]:
        employment = await models.employments.get(job.employment_id)
        if employment is None or employment.cvr != job.cvr:
            raise ProblemError(Problem.EMPLOYMENT_UNKNOWN)
        card = await models.cards.get(employment.card_id)
        return {
            "card_id": job.card_id,
            "cvr": job.cvr,
            "actor": "clerk",
            "employment_id": job.employment_id,
            "card_revision": 1 if card is None else card.revision,
        }

    def _some_report(self, job: Job) -> str:
        """Mostly one of its own, best one in dispute; now and then another employer's, or one that there is not."""
        disputed = [report_id_of(job, r) for r in job.accepted if self._clients.is_disputed(report_id_of(job, r))]
        if disputed and self.rng.random() < 0.8:
            return self.rng.choice(disputed)
        whose = job if self.rng.random() < 0.93 else self.rng.choice(self.jobs)
        known = whose.accepted if self.rng.random() < 0.9 else whose.reports
        reference = self.rng.choice(known) if known else "none"
        return report_id_of(whose, reference)

    def _pay(self, job: Job) -> dict[str, Any]:
        """Amounts around the cap; now and then nothing, too much, or a day that cannot be."""
        rng, today = self.rng, self._clients.today()
        allowance = 4_276_600
        wage = rng.choice((allowance // 2, allowance // 5, allowance // 5, allowance, rng.randrange(1, allowance)))
        if rng.random() < 0.04:
            wage = rng.choice((0, 10**9))
        paid = today - timedelta(days=rng.choice((0, 0, 0, 0, 0, 0, 1, 2, -2)))
        worked = min(paid, today) if rng.random() < 0.95 else job.first - timedelta(days=3)
        return {
            "work": WorkPeriod(first=worked, last=worked),
            "payment_date": paid,
            "components": Components(wage=wage, holiday_pay=wage // 8 if rng.random() < 0.3 else 0),
        }
