"""The people of one run: caseworkers, employers and their payroll systems, and how clients behave that get no answer.

They stand outside of every process and never crash, but they hear nothing when a gateway dies, grow impatient, and
send again under the same key, to any gateway, also while the first request still runs.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, Final
from uuid import UUID, uuid5

from pymongo.errors import PyMongoError

from contracts.extracts import Authority, RequestExtract
from contracts.issuance import (
    ControlResult,
    DeactivateCard,
    HandOverCard,
    IssueCard,
    ReactivateCard,
    RecordControl,
    ReplaceCardNumber,
    ReplacementReason,
)
from contracts.messages import Command
from contracts.outcomes import Problem
from contracts.reporting import (
    ChangeEmployment,
    CorrectionReason,
    CorrectReport,
    RegisterEmployment,
    ReportEarnings,
    WithdrawReport,
)
from contracts.values import Components, Period, SealedPerson, WorkPeriod, danish_day
from services.gateway.auth import Caller, Role
from services.gateway.intake import Answer, Ask
from services.gateway.models import ReadModels
from services.gateway.problems import ProblemError
from services.gateway.views.cards import CardView
from services.gateway.views.outcomes import OutcomeView
from services.gateway.waiting import Shown
from services.runtime.log import LogUnavailable
from tests.simulation.scheduler import Died, Pause, Process, dice, pause
from tests.simulation.world import GatewayInstance, World

MUNICIPALITIES: Final = ("101", "461", "849")
EMPLOYERS: Final = ("10000009", "10000017", "10000025", "10000033")
LOOKS: Final = 25
REPORTS: Final = UUID("4d0a2b3c-0000-4000-8000-000000000000")

Build = Callable[[ReadModels], Awaitable[Command]]


@dataclass(eq=False)
class Request:
    """A request that a gateway works on. ``over`` when it has been answered in any way; else its process died."""

    process: Process
    over: bool = False
    answer: OutcomeView | None = None
    problem: str | None = None

    def is_heard(self) -> bool:
        return self.over or not self.process.alive


@dataclass
class Diary:
    """What the clients saw: the oracle's side of the story."""

    acknowledged: dict[str, str] = field(default_factory=dict)  # command id: who sent it
    sent: dict[str, str] = field(default_factory=dict)
    answers: dict[str, set[str]] = field(default_factory=dict)
    torn: list[str] = field(default_factory=list)


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


class Population:
    """Everybody of one run."""

    def __init__(self, world: World, seed: int, steps: float = 1.0) -> None:
        self.world = world
        self.rng = dice("people", seed)
        self.diary = Diary()
        self.busy = 0
        self.jobs: list[Job] = []
        self._steps = steps
        self._people = [_person(f"{seed}-{n}") for n in range(self.rng.choice((1, 2, 3, 4)))]
        self._names = 0
        for number, person in enumerate(self._people):
            self.start(f"citizen-{number}", self._life(number, person))

    def start(self, name: str, work: Coroutine[Pause, None, None]) -> None:
        """Let somebody do something beside everything else."""
        self.busy += 1

        async def counted(work: Coroutine[Pause, None, None]) -> None:
            await work
            self.busy -= 1

        self.world.outside_work(name, counted(work))

    def at_rest(self) -> bool:
        """Whether everybody has gone home."""
        return self.busy == 0

    async def send(
        self, role: Role, organisation: str, body: str, build: Build, *, tries: int = 4
    ) -> OutcomeView | None:
        """Send one command as a client does who kept its key: again, until there is an answer or patience is out."""
        self._names += 1
        ask = Ask(
            caller=Caller("issuer", f"client-{organisation}", "subject", role, organisation),
            key=f"key-{self._names}",
            method="POST",
            path="/",
            body=body,
        )
        rng = self.rng
        for _ in range(tries):
            await pause(Pause("client.send", ready=lambda: bool(self.world.gateways)))
            request = self._request(rng.choice(self.world.gateways), ask, build)
            if rng.random() < 0.06:  # twice at once, as an impatient proxy does
                self._request(rng.choice(self.world.gateways), ask, build)
            deadline = self.world.scheduler.step + rng.choice((60, 300, 3000, 3000))
            await pause(
                Pause(
                    "client.wait",
                    ready=lambda r=request, d=deadline: r.is_heard() or self.world.scheduler.step > d,  # type: ignore[misc]
                )
            )
            if not request.over:
                self.world.counts["lost or late answer, sent again"] += 1
            elif request.problem is not None and request.problem != "unavailable":
                self.world.counts[f"gateway refused: {request.problem}"] += 1
                return None
            elif request.answer is not None:
                self.world.counts["answered"] += 1
                return request.answer
            else:
                self.world.counts[f"{request.problem or 'accepted, no outcome yet'}, sent again"] += 1
        return None

    def _request(self, gateway: GatewayInstance, ask: Ask, build: Build) -> Request:
        request = Request(gateway.process)
        self.world.scheduler.spawn(gateway.process, f"request {ask.key}", self._serve(gateway, ask, build, request))
        return request

    async def _serve(self, gateway: GatewayInstance, ask: Ask, build: Build, request: Request) -> None:
        """What the gateway's routes do with a command: take it in, wait until its outcome can be read, answer."""
        diary, command_id = self.diary, str(ask.command_id)
        diary.sent[command_id] = ask.body
        try:
            submission = await gateway.intake.take(ask, lambda _: build(gateway.models))
            diary.acknowledged[command_id] = ask.body
            answer = submission.answer
            for _ in range(LOOKS):
                if answer is not None:
                    break
                shown = await gateway.models.outcome_shown(command_id)
                if isinstance(shown, Shown):
                    self._read_your_writes(shown.value)
                    body = shown.value.model_dump(mode="json")
                    answer = await gateway.intake.keep_answer(submission, Answer(status=200, body=body, language="en"))
                else:
                    again = self.world.scheduler.step + 60
                    await pause(
                        Pause("gateway.wait", ready=lambda a=again: self.world.scheduler.step > a)  # type: ignore[misc]
                    )
            if answer is not None:
                diary.answers.setdefault(command_id, set()).add(answer.model_dump_json())
                request.answer = OutcomeView.model_validate(answer.body)
        except ProblemError as problem:
            request.problem = problem.code
        except (PyMongoError, LogUnavailable):
            request.problem = "unavailable"
        request.over = True

    def _read_your_writes(self, outcome: OutcomeView) -> None:
        """Whoever is answered can read what was done, on any gateway."""
        if outcome.problem is not None or outcome.dry_run:
            return
        view = self._view_of(outcome)
        if view is not None and (view[0] is None or view[0].revision < (outcome.revision or 1)):
            raise Died(f"answered {outcome.command_id}, but {view[1]} is not there to read")

    def _view_of(self, outcome: OutcomeView) -> tuple[Any, str] | None:
        for model, found in (
            ("reports", outcome.report_id),
            ("employments", outcome.employment_id),
            ("cards", outcome.card_id),
        ):
            if found is not None:
                return self.world.database("gateway", model).state(found), f"{model}/{found}"
        return None

    # --- what people do ---

    async def _life(self, number: int, person: SealedPerson) -> None:
        """A citizen gets a card, works for some employers, and the municipality goes on deciding things."""
        rng = self.rng
        homes = [rng.choice(MUNICIPALITIES)]
        if rng.random() < 0.3:  # two caseworkers at once, perhaps of two municipalities
            homes.append(rng.choice(MUNICIPALITIES))
        for index, home in enumerate(homes):
            self.start(f"issue-{number}-{index}", self._issue(home, person))
        await self._until(lambda: self._card_of(person) is not None, 6000)
        card = self._card_of(person)
        if card is None:
            return
        for cvr in rng.sample(EMPLOYERS, rng.choice((1, 1, 2, 3))):
            self.start(f"employer-{number}-{cvr}", self._employ(cvr, person, card.card_id))
        if rng.random() < 0.3:
            self.start(f"again-{number}", self._issue(rng.choice(MUNICIPALITIES), person))
        for _ in range(int(rng.choice((0, 2, 6)) * self._steps)):
            await self._think()
            await self._decide_about(card.card_id)
        if rng.random() < 0.3:
            await self._extract()

    async def _issue(self, municipality: str, person: SealedPerson) -> None:
        command = IssueCard(person=person, municipality=municipality, case_reference="case", actor="caseworker")

        async def build(_: ReadModels) -> IssueCard:
            return command

        await self.send(Role.CASEWORKER, municipality, "issue", build)

    async def _extract(self) -> None:
        command = RequestExtract(
            extract_id=f"extract-{self._names}",
            authority=Authority.SKAT,
            year=2025,
            municipality=None,
            positions=(),
            actor="skat",
        )

        async def build(_: ReadModels) -> RequestExtract:
            return command

        await self.send(Role.AUTHORITY, "skat", "extract", build)

    async def _decide_about(self, card_id: str) -> None:
        kind = self.rng.choice(("deactivate", "reactivate", "number", "hand over", "hand over", "control"))
        wrong = self.rng.random() < 0.1
        other, to = self.rng.choice(MUNICIPALITIES), self.rng.choice(MUNICIPALITIES)
        card = self._card(card_id)
        home = other if wrong or card is None else card.municipality

        async def build(models: ReadModels) -> Command:
            view = await models.cards.get(card_id)
            if view is None or (view.municipality != home and not wrong):
                raise ProblemError(Problem.CARD_UNKNOWN)
            facts = {"card_id": card_id, "municipality": home, "actor": "caseworker"}
            match kind:
                case "deactivate":
                    return DeactivateCard(**facts, case_reference="case")
                case "reactivate":
                    return ReactivateCard(**facts, case_reference="case")
                case "number":
                    return ReplaceCardNumber(**facts, reason=ReplacementReason.LOST)
                case "hand over":
                    return HandOverCard(**facts, to_municipality=to)
            return RecordControl(**facts, result=ControlResult.UPHELD)

        await self.send(Role.CASEWORKER, home, kind, build)

    async def _employ(self, cvr: str, person: SealedPerson, card_id: str) -> None:
        """An employer registers the citizen, reports month after month, and makes every mistake there is."""
        rng = self.rng
        job = await self._register(cvr, person, card_id)
        if job is None:
            return
        self.jobs.append(job)
        for _ in range(int(rng.choice((2, 4, 7, 10)) * self._steps)):
            if rng.random() < 0.6:
                await self._think()
            await self._do_payroll(job)

    async def _register(self, cvr: str, person: SealedPerson, card_id: str) -> Job | None:
        wrong = self.rng.random() < 0.08
        first = self._today() - timedelta(days=self.rng.choice((0, 5, 400)))

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

        outcome = await self.send(Role.EMPLOYER, cvr, "register", build)
        if outcome is None or outcome.employment_id is None:
            return None
        return Job(cvr, card_id, outcome.employment_id, first)

    async def _do_payroll(self, job: Job) -> None:
        rng = self.rng
        deed = rng.random()
        if deed < 0.12:  # a payroll run at month's end: many at once
            for index in range(rng.choice((2, 4, 8))):
                self.start(f"burst-{job.cvr}-{index}", self._report(job, self._new_reference(job)))
        elif deed < 0.5 or not job.accepted:
            await self._report(job, self._new_reference(job), dry_run=rng.random() < 0.1, twin=rng.random() < 0.2)
        elif deed < 0.6:  # the same file again, or another report under an old reference
            reference = rng.choice(job.accepted)
            await self._report(job, reference, facts=job.said[reference] if rng.random() < 0.6 else None)
        elif deed < 0.78:
            await self._correct(job)
        elif deed < 0.92:
            await self._withdraw(job)
        else:
            await self._change(job)

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
        twin: bool = False,
    ) -> None:
        said = facts or self._pay(job)

        async def build(models: ReadModels) -> ReportEarnings:
            about = await self._about(models, job)
            return ReportEarnings(**about, reference=reference, twin=twin, dry_run=dry_run, **said)

        outcome = await self.send(Role.EMPLOYER, job.cvr, f"report {reference}", build)
        if outcome is not None and outcome.problem is None and not dry_run:
            job.accepted.append(reference)
            job.said.setdefault(reference, said)

    async def _correct(self, job: Job) -> None:
        report_id, facts = self._some_report(job), self._pay(job)

        async def build(models: ReadModels) -> CorrectReport:
            return CorrectReport(
                **await self._about(models, job), report_id=report_id, reason=CorrectionReason.WRONG_AMOUNT, **facts
            )

        await self.send(Role.EMPLOYER, job.cvr, f"correct {report_id}", build)

    async def _withdraw(self, job: Job) -> None:
        report_id = self._some_report(job)

        async def build(models: ReadModels) -> WithdrawReport:
            about = await self._about(models, job)
            del about["card_revision"]
            return WithdrawReport(**about, report_id=report_id, reason=CorrectionReason.NOT_PAID)

        await self.send(Role.EMPLOYER, job.cvr, f"withdraw {report_id}", build)

    async def _change(self, job: Job) -> None:
        last = self._today() - timedelta(days=self.rng.choice((-30, 0, 0, 3)))
        period = Period(first=job.first, last=None if self.rng.random() < 0.5 else max(last, job.first))

        async def build(models: ReadModels) -> ChangeEmployment:
            about = await self._about(models, job)
            del about["card_revision"]
            return ChangeEmployment(**about, period=period)

        await self.send(Role.EMPLOYER, job.cvr, "change", build)

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
        """Mostly one of its own; now and then another employer's, or one that there is not."""
        whose = job if self.rng.random() < 0.93 else self.rng.choice(self.jobs)
        known = whose.accepted if self.rng.random() < 0.9 else whose.reports
        reference = self.rng.choice(known) if known else "none"
        return str(uuid5(UUID(whose.employment_id), reference))

    def _pay(self, job: Job) -> dict[str, Any]:
        """Amounts around the cap; now and then nothing, too much, or a day that cannot be."""
        rng, today = self.rng, self._today()
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

    # --- what people see ---

    def _today(self) -> date:
        return danish_day(self.world.clock.read())

    def _card(self, card_id: str) -> CardView | None:
        card: CardView | None = self.world.database("gateway", "cards").state(card_id)
        return card

    def _card_of(self, person: SealedPerson) -> CardView | None:
        holders = self.world.database("gateway", "cards").holders(f"cpr:{person.cpr_hash}")
        return self._card(holders[0]) if holders else None

    async def _think(self) -> None:
        until = self.world.scheduler.step + self.rng.randrange(150)
        await self._until(lambda: self.world.scheduler.step > until, 10_000)

    async def _until(self, true: Callable[[], bool], most: int) -> None:
        deadline = self.world.scheduler.step + most
        await pause(Pause("client.until", ready=lambda: true() or self.world.scheduler.step > deadline))


def _person(name: str) -> SealedPerson:
    digits = uuid5(REPORTS, name).hex[:22]
    return SealedPerson(cpr_hash=digits, birth_check=digits[::-1], sealed="k.sealed")
