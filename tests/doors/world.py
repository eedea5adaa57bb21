"""The API, the pages and the services in one process, without Kafka and MongoDB."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from typing import Any, Final, Self, cast
from uuid import uuid4, uuid5

import httpx2
from frikort_contracts.cloudevents import Envelope, Record, decode
from frikort_contracts.http.roles import Role
from frikort_contracts.issuance import CardIssued
from frikort_contracts.messages import Command, Message
from frikort_contracts.outcomes import CommandAccepted, CommandRefused
from frikort_contracts.reporting import RegisterEmployment
from frikort_contracts.rules.allowances import Allowance, Allowances, AllowanceTable
from frikort_contracts.topics import TOPICS, topic_of
from frikort_contracts.values import Period

from deploy.local.config import REPOSITORY
from services.balance.jobs import settle_kind
from services.balance.processor import LEDGERS
from services.gateway.auth import Caller
from services.gateway.changes.change_notifier import ChangeSubscriptions
from services.gateway.commands.outcomes import Outcomes, OutcomeWaits
from services.gateway.commands.service import CommandService
from services.gateway.commands.subjects import Subjects
from services.gateway.commands.visibility import Visibility
from services.gateway.container import Container
from services.gateway.payroll.booking import LineOutcome, LineSplit
from services.gateway.payroll.file_work import FileWork
from services.gateway.payroll.lines import AcceptedReport, OwnEmployment, OwnEmployments
from services.gateway.payroll.number_checks import NumberChecks
from services.gateway.payroll.upload import UploadService
from services.gateway.payroll.worker import BatchWorker
from services.gateway.people.texts import Contact
from services.gateway.person_encryption import Person
from services.gateway.projections import PROJECTIONS
from services.gateway.projections.ledgers import TotalsView, ledger_id
from services.gateway.projections.reports import ReportView
from services.gateway.wiring import response_builder
from services.portals.api import GatewayClient
from services.reporting.processor import card_states
from services.reporting.rules import Rules
from services.runtime.allowance_file import load_allowances
from tests.contracts.examples import validated
from tests.gateway.build import line_encryptor, persons
from tests.gateway.memory import MemoryGateway, MemoryModels, NoLimit, memory_gateway
from tests.portals.site import Site
from tests.sources import source_for

CVR: Final = "99000007"
CARD: Final = "8f0c3a52-7b8e-4a53-9c59-0d6f4c6a1b11"
NUMBER: Final = "08131"
CPR: Final = "7301854321"
BIRTH_DATE: Final = date(1985, 1, 13)
ACTIVE_FROM: Final = date(2019, 1, 7)
NOW: Final = datetime(2026, 11, 28, 12, tzinfo=UTC)

_TOPICS: Final = {topic.name: topic for topic in TOPICS}
_TABLE: Final = load_allowances(REPOSITORY / "deploy/allowances.toml")


@dataclass
class SettableClock:
    """The clock of the gateway."""

    time: datetime = NOW

    async def now(self) -> datetime:
        return self.time

    async def today(self) -> date:
        return self.time.date()

    async def year(self) -> int:
        return self.time.year


@dataclass
class Services:
    """Reporting, balance and the projections behind a producer. ``outcomes`` are those of the commands, in order."""

    models: MemoryModels
    states: dict[tuple[str, str], Any] = field(default_factory=dict)
    seen: set[str] = field(default_factory=set)
    commands: list[Command] = field(default_factory=list)
    outcomes: list[CommandAccepted | CommandRefused] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.apply_rules(Rules(_TABLE, provisional_accepted=True))

    def apply_rules(self, rules: Rules) -> None:
        """Decide by these rules from now on."""
        self._processors = (card_states(rules), LEDGERS)

    @property
    def accepted(self) -> list[CommandAccepted]:
        """The outcomes of the commands that were accepted."""
        return [outcome for outcome in self.outcomes if isinstance(outcome, CommandAccepted)]

    async def publish(self, records: Sequence[Record]) -> None:
        for record in records:
            message = decode(_TOPICS[record.topic], record.value, record.headers)
            if str(message.id) not in self.seen:
                self.seen.add(str(message.id))
                self.commands.append(message.data)
                self.deliver(message)

    def deliver(self, message: Envelope[Any]) -> None:
        """Deliver a message, and every event that follows from it, to all that read its topic."""
        topic = topic_of(type(message.data))
        for projection in PROJECTIONS:
            if topic in projection.topics and (document_id := projection.document_id(message)) is not None:
                states = self.models.memory[projection.name].states
                after = projection.project(states.get(document_id), message)
                if after is not None:
                    states[document_id] = after
        if isinstance(message.data, CommandAccepted | CommandRefused):
            self.outcomes.append(message.data)
        for processor in self._processors:
            if topic not in processor.topics or (address := processor.address(message)) is None:
                continue
            key = processor.name, address.id
            decision = processor.decide(self.states.get(key), message, ())
            self.states[key] = decision.state
            for place, event in enumerate(decision.events):
                self.deliver(envelope(validated(event), message.time, uuid5(message.id, f"{processor.name}/{place}")))


def envelope(data: Message, at: datetime, message_id: Any = None) -> Envelope[Any]:
    """A message of the process that writes it."""
    message_id = message_id or uuid4()
    return Envelope(id=message_id, time=at, source=source_for(data), data=data, correlation_id=message_id)


class Queries:
    """The queries of payroll files, over the read models in memory."""

    def __init__(self, models: MemoryModels) -> None:
        self._memory = models.memory

    async def own_employments(self, cvr: str, ids: Collection[str], numbers: Collection[str]) -> OwnEmployments:
        numbers_of = {card.card_id: card.number for card in self._memory["cards"].states.values()}
        own = [
            OwnEmployment(view.employment_id, view.card_id, view.period)
            for view in self._memory["employments"].states.values()
            if view.cvr == cvr and (view.employment_id in ids or numbers_of.get(view.card_id) in numbers)
        ]
        by_number: dict[str, list[OwnEmployment]] = {}
        for one in own:
            by_number.setdefault(numbers_of[one.card_id], []).append(one)
        return OwnEmployments({one.employment_id: one for one in own}, by_number)

    async def accepted_reports(self, employment_ids: Collection[str]) -> list[AcceptedReport]:
        return [
            AcceptedReport(
                view.report_id,
                view.revision,
                view.employment_id,
                view.booked.work,
                view.booked.payment_date,
                view.booked.components,
            )
            for view in self._memory["reports"].states.values()
            if view.employment_id in employment_ids and not view.withdrawn
        ]

    async def revisions(self, card_ids: Collection[str]) -> dict[str, int]:
        return {card_id: self._memory["cards"].states[card_id].revision for card_id in card_ids}

    async def people(self, card_ids: Collection[str]) -> dict[str, str]:
        return {card_id: self._memory["cards"].states[card_id].person.cpr_hash for card_id in card_ids}

    async def outcomes(self, command_ids: Collection[str]) -> dict[str, LineOutcome]:
        states = self._memory["outcomes"].states
        found = {command_id: states[command_id] for command_id in command_ids if command_id in states}
        return {
            command_id: LineOutcome(*(getattr(view, name) for name in LineOutcome._fields))
            for command_id, view in found.items()
        }

    async def periods(self, employment_ids: Collection[str]) -> dict[str, Period]:
        states = self._memory["employments"].states
        return {employment_id: states[employment_id].period for employment_id in employment_ids}

    async def totals(self, years: Collection[tuple[str, int]]) -> dict[tuple[str, int], TotalsView]:
        found = {year: self._memory["ledgers"].states.get(ledger_id(*year)) for year in years}
        return {year: ledger.totals for year, ledger in found.items() if ledger is not None}

    async def splits(self, report_ids: Collection[str]) -> dict[str, LineSplit]:
        states = self._memory["reports"].states
        return {
            report_id: LineSplit(view.revision, split.exempt, split.excess, self._provisional(view))
            for report_id in report_ids
            if (split := (view := states[report_id]).settlement) is not None
        }

    def _provisional(self, view: ReportView) -> bool:
        ledger = self._memory["ledgers"].states[ledger_id(view.card_id, view.year)]
        return bool(ledger.totals.provisional)


class World:
    """One employer with an employment on one card, and a client for each way in."""

    def __init__(self, gateway: MemoryGateway, stack: AsyncExitStack) -> None:
        self.gateway = gateway
        self.services = Services(gateway.models)
        self.clock = SettableClock()
        self._stack = stack
        self.queries = Queries(gateway.models)

    @classmethod
    async def create(cls, stack: AsyncExitStack) -> Self:
        """The world with one issued card, without an employment."""
        world = cls(await memory_gateway(), stack)
        await world._connect()
        return world

    async def _connect(self) -> None:
        container: Container = self.gateway.app.state.gateway
        models = self.gateway.models
        commands = CommandService(
            store=self.gateway.submissions,
            producer=cast("Any", self.services),
            now=self.clock.now,
            persons=persons(),
        )
        self.gateway.app.state.gateway = replace(
            container,
            clock=cast("Any", self.clock),
            commands=commands,
            outcomes=self._outcomes(commands, container.allowances),
            uploads=UploadService(
                batches=self.gateway.batches,
                queries=cast("Any", self.queries),
                number_checks=NumberChecks(
                    cast("Any", NoLimit()), models, self.gateway.accesses, persons(), self.clock.now
                ),
                persons=persons(),
                line_encryptor=line_encryptor(),
                producer=cast("Any", None),
                now=self.clock.now,
                lines_most=1_000,
                hold_days=7,
            ),
        )
        self.sign_in()
        transport = httpx2.ASGITransport(app=self.gateway.app)
        self.api = await self._stack.enter_async_context(
            httpx2.AsyncClient(transport=transport, base_url="http://gateway")
        )
        self.site = Site()
        self.site.sign_in(Role.EMPLOYER, "Bo Ejer")
        self.site.use_gateway(GatewayClient("http://gateway", transport=httpx2.ASGITransport(app=self.gateway.app)))
        self.pages = await self._stack.enter_async_context(self.site.client())
        self.pages.follow_redirects = True  # the answer to a form has an address of its own
        person = persons().encrypt(Person(CPR, "Karla Eksempel"), CARD)
        issued = CardIssued(
            card_id=CARD,
            revision=1,
            municipality="101",
            actor="caseworker",
            number=NUMBER,
            person=person,
            active_from=ACTIVE_FROM,
            control_due=2021,
            case_reference="S-1",
        )
        self.services.deliver(envelope(issued, datetime(2019, 1, 7, 12, tzinfo=UTC)))

    def _outcomes(self, commands: CommandService, table: Allowances) -> Outcomes:
        models = self.gateway.models
        return Outcomes(
            commands=commands,
            waits=OutcomeWaits(models, self.gateway.subscriptions),
            responses=response_builder(models, persons(), table),
            visibility=Visibility(models, self.clock.today),
            subjects=Subjects(models),
        )

    def announce(self, amounts: Allowance) -> None:
        """Add amounts to the table of reporting and the gateway. No year is settled by them yet."""
        self._use_table(self.table.with_year(amounts.year, (*self.table.years[amounts.year], amounts), closed=False))

    def close(self, year: int, *, closed: bool = True) -> None:
        """Close a year, or open it."""
        self._use_table(self.table.with_year(year, self.table.years[year], closed=closed))

    @property
    def table(self) -> AllowanceTable:
        """The allowance table."""
        container: Container = self.gateway.app.state.gateway
        return AllowanceTable(years=container.allowances.years, closed=container.allowances.closed)

    def _use_table(self, table: AllowanceTable) -> None:
        container: Container = self.gateway.app.state.gateway
        self.services.apply_rules(Rules(table, provisional_accepted=True))
        outcomes = self._outcomes(container.commands, table)
        self.gateway.app.state.gateway = replace(container, allowances=table, outcomes=outcomes)

    def settle(self, amounts: Allowance) -> None:
        """Settle the ledger of the card by these amounts, as the job of balance does."""
        message = settle_kind(amounts).message(f"{CARD}:{amounts.year}")
        self.services.deliver(envelope(message, self.clock.time))

    def sign_in(self, *, owners: Sequence[str] = ()) -> None:
        """Let the token of the employer, on the pages and in the API, name these CPR numbers as the owners."""
        caller = Caller(
            "issuer", "payroll", "bookkeeper-1", Role.EMPLOYER, CVR, tuple(persons().cpr_hash(one) for one in owners)
        )
        self.gateway.callers.update({f"token of {Role.EMPLOYER}": caller})

    @property
    def headers(self) -> dict[str, str]:
        """The headers of a command by a program of the employer."""
        return {
            "authorization": f"Bearer token of {Role.EMPLOYER}",
            "idempotency-key": str(uuid4()),
            "accept-language": "en",
        }

    def employ(self, first: date = date(2025, 1, 1), last: date | None = None) -> str:
        """Register an employment. Returns its id."""
        secret = persons()
        cpr_hash = secret.cpr_hash(CPR)
        command = RegisterEmployment(
            card_id=CARD,
            cvr=CVR,
            actor="bookkeeper-1",
            card_revision=1,
            number=NUMBER,
            birth_check=secret.birth_check(cpr_hash, BIRTH_DATE),
            period=Period(first=first, last=last),
            contact=secret.encrypt_contact(Contact("Bo", "bo@example.dk", "12 34 56 78"), CARD, CVR),
        )
        self.services.deliver(envelope(command, NOW))
        outcome = self.services.outcomes.pop()
        assert isinstance(outcome, CommandAccepted), outcome
        assert outcome.employment_id is not None
        return outcome.employment_id

    def allow_reports(self, most_a_year: int) -> None:
        """Allow this number of reports and corrections of the card in a payment year."""
        self.services.apply_rules(Rules(self.table, provisional_accepted=True, most_a_year=most_a_year))

    async def send_file(self, content: bytes, media_type: str) -> httpx2.Response:
        """Upload a payroll file."""
        headers = {**self.headers, "content-type": media_type}
        return await self.api.post("/v1/report-batches?hold=true", content=content, headers=headers)

    async def book(self, batch_id: str) -> list[dict[str, Any]]:
        """Book a held file. Returns its lines."""
        await self.api.post(f"/v1/report-batches/{batch_id}/booking", headers=self.headers)
        return await self.work(batch_id)

    async def work(self, batch_id: str) -> list[dict[str, Any]]:
        """Let a worker check or book every waiting file. Returns the lines of this one."""
        worker = BatchWorker(
            FileWork(
                batches=self.gateway.batches,
                queries=cast("Any", self.queries),
                audit_log=self.gateway.accesses,
                line_encryptor=line_encryptor(),
                publish=self.services.publish,
                now=self.clock.now,
                subscriptions=ChangeSubscriptions(asyncio.Event()),
                lease=4,
            ),
            self.gateway.app.state.gateway.allowances,
        )
        for waiting in await self.gateway.batches.waiting():
            held = await self.gateway.batches.claim(waiting)
            assert held is not None
            await worker.work(held)
        return await self.lines(batch_id)

    async def lines(self, batch_id: str) -> list[dict[str, Any]]:
        """The lines of a file."""
        found: list[dict[str, Any]] = (
            await self.api.get(f"/v1/report-batches/{batch_id}/lines", headers=self.headers)
        ).json()["lines"]
        return found
