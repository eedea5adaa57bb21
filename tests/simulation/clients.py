"""Clients of the gateways: they repeat a request until it is answered, and record a history for the checkers.

Clients never crash. Without an answer (the gateway crashed, or took too long) they send the request again with the
same idempotency key, to any gateway, even while the first request is still in progress.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from typing import Any, Final
from uuid import UUID

from frikort_contracts.balance import ReportSettled
from frikort_contracts.cloudevents import Envelope
from frikort_contracts.http.roles import Role
from frikort_contracts.messages import Command
from frikort_contracts.topics import BALANCES
from frikort_contracts.values import EncryptedPerson, danish_day
from pymongo.errors import PyMongoError

from services.gateway.auth import Caller
from services.gateway.changes.change_notifier import Waiter
from services.gateway.changes.received_states import reading
from services.gateway.commands.service import CommandRequest, CommandResponse, Submission
from services.gateway.problems import ProblemError
from services.gateway.projections.cards import CardView
from services.gateway.projections.ledgers import ledger_id
from services.gateway.projections.outcomes import OutcomeView
from services.gateway.projections.reports import ReportView
from services.gateway.read_models import ReadModels
from services.runtime.kafka.unavailable import KafkaUnavailable
from tests.simulation.environment import Environment, GatewayInstance
from tests.simulation.scheduler import Pause, Process, UnexpectedError, Work, pause, random_stream
from tests.simulation.topic_reader import distinct_messages

WAIT_STEPS: Final = 1500
"""Steps after which a gateway answers that the outcome is not known yet."""
_AUDIT_WRITE: Final = Pause("gateway.record")

Build = Callable[[ReadModels], Awaitable[Command]]


@dataclass(eq=False)
class PendingRequest:
    """A request in progress at a gateway. ``done`` means answered; it stays false if the gateway crashes."""

    process: Process
    done: bool = False
    answer: OutcomeView | None = None
    problem: str | None = None

    def is_over(self) -> bool:
        return self.done or not self.process.alive


@dataclass
class History:
    """What clients sent and received, for the checkers: bodies of requests and answers, by command id.

    ``acknowledged`` are commands that a gateway accepted, ``recorded`` those with an entry in the audit log.
    """

    acknowledged: dict[str, str] = field(default_factory=dict)
    sent: dict[str, str] = field(default_factory=dict)
    answers: dict[str, set[str]] = field(default_factory=dict)
    recorded: set[str] = field(default_factory=set)

    async def record(self, message: Envelope[Any]) -> None:
        """Write a command's entry to the audit log. A gateway may crash before and after."""
        await pause(_AUDIT_WRITE)
        self.recorded.add(str(message.id))
        await pause(_AUDIT_WRITE)


class Clients:
    """Sends requests and reads for all clients. ``busy`` is the number of client activities in progress."""

    def __init__(self, environment: Environment, seed: int) -> None:
        self.environment = environment
        self.rng = random_stream("people", seed)
        self.history = History()
        self.busy = 0
        self._numbers = 0

    def start(self, name: str, work: Work) -> None:
        """Start a concurrent activity."""
        self.busy += 1

        async def counted(work: Work) -> None:
            await work
            self.busy -= 1

        self.environment.start_client(name, counted(work))

    def next_number(self) -> int:
        """A new number, for keys and ids."""
        self._numbers += 1
        return self._numbers

    async def send(
        self, role: Role, organisation: str, body: str, build: Build, *, tries: int = 4
    ) -> OutcomeView | None:
        """Send a command with one idempotency key until it is answered, at most ``tries`` times."""
        number = self.next_number()
        command = CommandRequest(
            caller=Caller("issuer", f"client-{organisation}", "subject", role, organisation),
            key=f"key-{number}",
            method="POST",
            path="/",
            body=body,
            correlation_id=UUID(int=number),
        )
        rng = self.rng
        for _ in range(tries):
            await pause(Pause("client.send", ready=lambda: bool(self.environment.gateways)))
            request = self._send_to(rng.choice(self.environment.gateways), command, build)
            if rng.random() < 0.06:  # two requests at once, as a retrying proxy sends them
                self._send_to(rng.choice(self.environment.gateways), command, build)
            deadline = self.environment.scheduler.step + rng.choice((60, 300, 3000, 3000))
            await pause(
                Pause(
                    "client.wait",
                    ready=lambda r=request, d=deadline: r.is_over() or self.environment.scheduler.step > d,  # type: ignore[misc]
                )
            )
            if not request.done:
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

    def _send_to(self, gateway: GatewayInstance, command: CommandRequest, build: Build) -> PendingRequest:
        request = PendingRequest(gateway.process)
        self.environment.scheduler.spawn(
            gateway.process, f"request {command.key}", self._serve(gateway, command, build, request)
        )
        return request

    async def _serve(
        self, gateway: GatewayInstance, command: CommandRequest, build: Build, request: PendingRequest
    ) -> None:
        """Handle a command as the gateway's routes do: submit it, wait until its outcome can be read, answer."""
        history, command_id = self.history, str(command.command_id)
        history.sent[command_id] = command.body
        try:
            with gateway.waits.waiter(command_id) as waiter:
                submission = await gateway.intake.submit(
                    command,
                    lambda _: build(gateway.models),
                    history.record,
                    before_publish=partial(gateway.waits.before_publish, waiter),
                )
                history.acknowledged[command_id] = command.body
                answer = submission.response or await self._answer(gateway, submission, waiter)
            if answer is not None:
                history.answers.setdefault(command_id, set()).add(answer.model_dump_json())
                request.answer = OutcomeView.model_validate(answer.body)
        except ProblemError as problem:
            request.problem = problem.code
        except (PyMongoError, KafkaUnavailable):
            request.problem = "unavailable"
        request.done = True

    async def _answer(self, gateway: GatewayInstance, submission: Submission, waiter: Waiter) -> CommandResponse | None:
        """Wait for the outcome, and store the answer."""
        with reading(waiter):
            outcome = await gateway.waits.outcome(
                waiter, submission.command_id, WAIT_STEPS * self.environment.config.tick
            )
        if outcome is None:
            return None
        self.environment.counts["answers without a read"] += waiter.collected is not None
        self._check_read_your_writes(outcome)
        body = outcome.model_dump(mode="json")
        return await gateway.intake.store_response(
            submission, CommandResponse(status=200, body=body, language="en"), None
        )

    def _check_read_your_writes(self, outcome: OutcomeView) -> None:
        """Check that a change can be read from every gateway before its answer is sent."""
        if outcome.problem is not None or outcome.dry_run:
            return
        found = self._view_of(outcome)
        if found is None:
            return
        shown, name = found
        behind = shown is None or shown.revision < (outcome.revision or 1)
        if behind or getattr(shown, "dispute_revision", 0) < (outcome.dispute_revision or 0):
            raise UnexpectedError(f"answered {outcome.command_id}, but {name} cannot be read")
        if isinstance(shown, ReportView):
            self._check_year(outcome, shown)

    def _check_year(self, outcome: OutcomeView, report: ReportView) -> None:
        """Check that the split of a report and the sums of its year can be read.

        A later change may already have stored its split of the report, and not its sums of the year yet.
        """
        year = self.environment.database("gateway", "ledgers").state(ledger_id(report.card_id, report.year))
        split, shown = report.settlement, 0 if year is None else year.revision
        if split is None or (shown < split.ledger_revision and shown < self._first_split(outcome, report)):
            raise UnexpectedError(f"answered {outcome.command_id}, but the year of {report.report_id} cannot be read")

    def _first_split(self, outcome: OutcomeView, report: ReportView) -> int:
        """The ledger revision of the first split of a report that has the change of an outcome."""
        first: int = min(
            event.data["revision"]
            for event in distinct_messages(self.environment.broker.all(BALANCES.name))
            if event.type == ReportSettled.type
            and event.data["report_id"] == report.report_id
            and event.data["report_revision"] >= (outcome.revision or 1)
        )
        return first

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

    def is_shown(self, report_id: str) -> bool:
        """Whether the read model shows a report."""
        return self.environment.database("gateway", "reports").state(report_id) is not None

    def is_disputed(self, report_id: str) -> bool:
        """Whether the read model shows a report as disputed."""
        report: Any = self.environment.database("gateway", "reports").state(report_id)
        return report is not None and report.dispute is not None

    def dispute_revision(self, report_id: str) -> int | None:
        """The revision of a report's disputes that the read model shows; None before the first."""
        report: Any = self.environment.database("gateway", "reports").state(report_id)
        return None if report is None else report.dispute_revision or None

    def card_of(self, person: EncryptedPerson) -> CardView | None:
        """The person's card as the read model shows it."""
        holders = self.environment.database("gateway", "cards").holders(f"cpr:{person.cpr_hash}")
        return self.card(holders[0]) if holders else None

    async def think(self) -> None:
        """Wait for a random time."""
        until = self.environment.scheduler.step + self.rng.randrange(150)
        await self.until(lambda: self.environment.scheduler.step > until, 10_000)

    async def until(self, condition: Callable[[], bool], max_steps: int) -> None:
        """Wait until ``condition()`` is true, at most ``max_steps`` steps."""
        deadline = self.environment.scheduler.step + max_steps
        await pause(Pause("client.until", ready=lambda: condition() or self.environment.scheduler.step > deadline))
