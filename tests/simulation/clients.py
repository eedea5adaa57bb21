"""Clients of the gateways: they repeat requests without an answer, and record the answers that they get.

Clients never crash. Without an answer (a gateway died, or took too long) they send the request again with the same
idempotency key, to any gateway, also while the first request is still in progress.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final

from frikort_contracts.http.roles import Role
from frikort_contracts.messages import Command
from frikort_contracts.values import SealedPerson, danish_day
from pymongo.errors import PyMongoError

from services.gateway.auth import Caller
from services.gateway.change_notifier import Ready
from services.gateway.commands.service import CommandRequest, CommandResponse
from services.gateway.problems import ProblemError
from services.gateway.projections.cards import CardView
from services.gateway.projections.outcomes import OutcomeView
from services.gateway.read_models import ReadModels
from services.runtime.kafka.producer import KafkaUnavailable
from tests.simulation.environment import Environment, GatewayInstance
from tests.simulation.scheduler import Pause, Process, UnexpectedError, Work, pause, random_stream

LOOKS: Final = 25

Build = Callable[[ReadModels], Awaitable[Command]]


@dataclass(eq=False)
class Request:
    """A request in progress at a gateway. ``over`` once it is answered; it never is if the process dies."""

    process: Process
    over: bool = False
    answer: OutcomeView | None = None
    problem: str | None = None

    def is_heard(self) -> bool:
        return self.over or not self.process.alive


@dataclass
class Diary:
    """What clients sent and received, for the reconciliation."""

    acknowledged: dict[str, str] = field(default_factory=dict)  # command id: who sent it
    sent: dict[str, str] = field(default_factory=dict)
    answers: dict[str, set[str]] = field(default_factory=dict)
    torn: list[str] = field(default_factory=list)


class Clients:
    """Sends requests and reads for all clients; ``busy`` counts the activities that have not finished."""

    def __init__(self, environment: Environment, seed: int) -> None:
        self.environment = environment
        self.rng = random_stream("people", seed)
        self.diary = Diary()
        self.busy = 0
        self._names = 0

    def start(self, name: str, work: Work) -> None:
        """Start a concurrent activity."""
        self.busy += 1

        async def counted(work: Work) -> None:
            await work
            self.busy -= 1

        self.environment.start_client(name, counted(work))

    def new_name(self) -> int:
        """A number that was not given out before."""
        self._names += 1
        return self._names

    async def send(
        self, role: Role, organisation: str, body: str, build: Build, *, tries: int = 4
    ) -> OutcomeView | None:
        """Send a command with one idempotency key until it is answered, at most ``tries`` times."""
        ask = CommandRequest(
            caller=Caller("issuer", f"client-{organisation}", "subject", role, organisation),
            key=f"key-{self.new_name()}",
            method="POST",
            path="/",
            body=body,
        )
        rng = self.rng
        for _ in range(tries):
            await pause(Pause("client.send", ready=lambda: bool(self.environment.gateways)))
            request = self._request(rng.choice(self.environment.gateways), ask, build)
            if rng.random() < 0.06:  # twice at once, as a retrying proxy does
                self._request(rng.choice(self.environment.gateways), ask, build)
            deadline = self.environment.scheduler.step + rng.choice((60, 300, 3000, 3000))
            await pause(
                Pause(
                    "client.wait",
                    ready=lambda r=request, d=deadline: r.is_heard() or self.environment.scheduler.step > d,  # type: ignore[misc]
                )
            )
            if not request.over:
                self.environment.counts["lost or late answer, sent again"] += 1
            elif request.problem is not None and request.problem != "unavailable":
                self.environment.counts[f"gateway refused: {request.problem}"] += 1
                return None
            elif request.answer is not None:
                self.environment.counts["answered"] += 1
                return request.answer
            else:
                self.environment.counts[f"{request.problem or 'accepted, no outcome yet'}, sent again"] += 1
        return None

    def _request(self, gateway: GatewayInstance, ask: CommandRequest, build: Build) -> Request:
        request = Request(gateway.process)
        self.environment.scheduler.spawn(
            gateway.process, f"request {ask.key}", self._serve(gateway, ask, build, request)
        )
        return request

    async def _serve(self, gateway: GatewayInstance, ask: CommandRequest, build: Build, request: Request) -> None:
        """Handle a command as the gateway's routes do: submit it, wait until its outcome can be read, answer."""
        diary, command_id = self.diary, str(ask.command_id)
        diary.sent[command_id] = ask.body
        try:
            submission = await gateway.intake.submit(ask, lambda _: build(gateway.models))
            diary.acknowledged[command_id] = ask.body
            answer, look = submission.response, gateway.models.outcome_of(command_id)
            for _ in range(LOOKS):
                if answer is not None:
                    break
                shown = await look()
                if isinstance(shown, Ready):
                    self._read_your_writes(shown.value)
                    body = shown.value.model_dump(mode="json")
                    answer = await gateway.intake.store_response(
                        submission, CommandResponse(status=200, body=body, language="en")
                    )
                else:
                    again = self.environment.scheduler.step + 60
                    await pause(
                        Pause("gateway.wait", ready=lambda a=again: self.environment.scheduler.step > a)  # type: ignore[misc]
                    )
            if answer is not None:
                diary.answers.setdefault(command_id, set()).add(answer.model_dump_json())
                request.answer = OutcomeView.model_validate(answer.body)
        except ProblemError as problem:
            request.problem = problem.code
        except (PyMongoError, KafkaUnavailable):
            request.problem = "unavailable"
        request.over = True

    def _read_your_writes(self, outcome: OutcomeView) -> None:
        """After the answer, every gateway shows the change."""
        if outcome.problem is not None or outcome.dry_run:
            return
        view = self._view_of(outcome)
        if view is None:
            return
        shown, name = view
        behind = shown is None or shown.revision < (outcome.revision or 1)
        if behind or getattr(shown, "dispute_revision", 0) < (outcome.dispute_revision or 0):
            raise UnexpectedError(f"answered {outcome.command_id}, but {name} cannot be read")

    def _view_of(self, outcome: OutcomeView) -> tuple[Any, str] | None:
        for model, found in (
            ("reports", outcome.report_id),
            ("employments", outcome.employment_id),
            ("cards", outcome.card_id),
        ):
            if found is not None:
                return self.environment.database("gateway", model).state(found), f"{model}/{found}"
        return None

    def today(self) -> date:
        """Today's date in Denmark."""
        return danish_day(self.environment.clock.read())

    def card(self, card_id: str) -> CardView | None:
        """A card as the read model shows it."""
        card: CardView | None = self.environment.database("gateway", "cards").state(card_id)
        return card

    def is_disputed(self, report_id: str) -> bool:
        """Whether the read model shows a report as disputed."""
        report: Any = self.environment.database("gateway", "reports").state(report_id)
        return report is not None and report.dispute is not None

    def card_of(self, person: SealedPerson) -> CardView | None:
        """The person's card as the read model shows it."""
        holders = self.environment.database("gateway", "cards").holders(f"cpr:{person.cpr_hash}")
        return self.card(holders[0]) if holders else None

    async def think(self) -> None:
        """Wait for a random time."""
        until = self.environment.scheduler.step + self.rng.randrange(150)
        await self.until(lambda: self.environment.scheduler.step > until, 10_000)

    async def until(self, true: Callable[[], bool], most: int) -> None:
        """Wait until ``true()``, at most ``most`` steps."""
        deadline = self.environment.scheduler.step + most
        await pause(Pause("client.until", ready=lambda: true() or self.environment.scheduler.step > deadline))
