"""The application without Kafka, MongoDB and OpenID provider: tests fill its read models in memory."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import reduce
from types import SimpleNamespace
from typing import Any, Generic, cast

from fastapi import FastAPI
from frikort_contracts.cloudevents import Record
from frikort_contracts.evidence import EvidenceFile
from frikort_contracts.extracts import Position
from frikort_contracts.topics import Topic
from pydantic_core import to_jsonable_python
from pymongo.errors import AutoReconnect

from services.gateway.app import application_factory
from services.gateway.attempts.rules import Attempt
from services.gateway.audit.context import audited_reads
from services.gateway.audit.log import Access, Criteria, Span
from services.gateway.auth import Caller
from services.gateway.changes.change_notifier import ChangeSubscriptions
from services.gateway.clock import Clock
from services.gateway.commands.outcomes import Outcomes, OutcomeWaits
from services.gateway.commands.service import CommandService
from services.gateway.commands.store import StoredCommand
from services.gateway.commands.subjects import Subjects
from services.gateway.commands.visibility import Visibility
from services.gateway.container import Container
from services.gateway.event_streams import EventStreams
from services.gateway.extracts.requests import StoredExtractRequest
from services.gateway.extracts.scopes import Requester
from services.gateway.payroll.number_checks import NumberChecks
from services.gateway.payroll.upload import UploadService
from services.gateway.problems import ProblemError
from services.gateway.projections import PROJECTIONS
from services.gateway.read_models import ExtractProgress, GatewayReadModels, OpenDispute, ReadModels, States
from services.gateway.wiring import response_builder
from services.runtime.processing.decision import DocumentSet, S
from services.runtime.service import Runtime
from tests.gateway.build import line_encryptor, persons, settings
from tests.gateway.payroll_fakes import FakeServices, MemoryBatchStore


@dataclass
class MemoryStates(Generic[S]):
    """One read model. Finds by equality, and by the operators that the gateway uses."""

    processor: DocumentSet[S]
    states: dict[str, S] = field(default_factory=dict)

    async def get(self, document_id: str) -> S | None:
        return self.states.get(document_id)

    async def by_alias(self, alias: str) -> S | None:
        return next((state for state in self.states.values() if alias in self.processor.aliases(state)), None)

    async def find(
        self, query: Mapping[str, Any], *, sort: Sequence[tuple[str, int]] = (), limit: int = 0, skip: int = 0
    ) -> list[S]:
        found = [state for state in self.states.values() if all(_holds(state, *term) for term in query.items())]
        for name, direction in reversed(sort):
            found.sort(key=lambda state: getattr(state, name), reverse=direction < 0)
        return found[skip : skip + limit if limit else None]


def _holds(state: Any, name: str, wanted: Any) -> bool:
    value: Any = state
    for part in name.split("."):
        value = getattr(value, part) if value is not None else None
    if isinstance(value, datetime):
        value = to_jsonable_python(value)  # as the store has it
    if not isinstance(wanted, dict):
        return bool(value == wanted)
    tests: dict[str, Callable[[Any, Any], bool]] = {
        "$in": lambda v, w: v in w,
        "$gt": operator.gt,
        "$lte": operator.le,
        "$gte": operator.ge,
        "$elemMatch": lambda v, w: any(_item_holds(item.model_dump(mode="json"), w) for item in v),
    }
    return value is not None and all(tests[test](value, operand) for test, operand in wanted.items())


def _item_holds(item: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    """Whether an item of a stored list has the wanted fields."""
    fields = {path: reduce(operator.getitem, path.split("."), item) for path in wanted}
    return all(_holds(SimpleNamespace(value=fields[path]), "value", want) for path, want in wanted.items())


@dataclass
class MemoryAuditLog:
    """The audit log in memory. ``unreachable``: it fails like an unreachable database."""

    lines: dict[str, Access] = field(default_factory=dict)
    unreachable: bool = False

    async def prepare(self) -> None:
        return

    async def add(self, accesses: Sequence[Access]) -> None:
        if self.unreachable:
            raise AutoReconnect("there is no primary")
        for access in accesses:
            self.lines.setdefault(access.order, access)

    async def latest(self, spans: Sequence[Span], *, own: bool, before: str | None, limit: int) -> list[Access]:
        found = [
            line
            for order, line in self.lines.items()
            if (own or not line.own)
            and (before is None or order < before)
            and any(line.subject == span.subject and span.since <= order < span.until for span in spans)
        ]
        return sorted(found, key=lambda line: line.order, reverse=True)[:limit]

    async def search(self, criteria: Criteria, *, before: str | None, limit: int) -> list[Access]:
        spans = [Span("")] if criteria.spans is None else criteria.spans
        wanted = {n: v for n in ("role", "organisation", "actor", "reason") if (v := getattr(criteria, n)) is not None}
        found = [
            line
            for order, line in self.lines.items()
            if criteria.since <= order < min(criteria.until, before or criteria.until)
            and all(getattr(line, name) == value for name, value in wanted.items())
            and any(span.subject in ("", line.subject) and span.since <= order < span.until for span in spans)
        ]
        return sorted(found, key=lambda line: line.order, reverse=True)[:limit]

    def take(self) -> list[Access]:
        """The entries since the previous call."""
        lines = list(self.lines.values())
        self.lines.clear()
        return lines


@dataclass
class MemorySubmissions:
    """Submitted commands in memory."""

    commands: dict[str, StoredCommand] = field(default_factory=dict)

    async def get(self, command_id: str) -> StoredCommand | None:
        return self.commands.get(command_id)

    async def add(self, command: StoredCommand) -> bool:
        return self.commands.setdefault(command.command_id, command) is command

    async def add_response(self, command_id: str, response: str) -> bool:
        if first := self.commands[command_id].response is None:
            self.commands[command_id] = replace(self.commands[command_id], response=response)
        return first


@dataclass
class MemoryProducer:
    """A producer that records what is published."""

    records: list[Record] = field(default_factory=list)

    async def publish(self, records: Sequence[Record]) -> None:
        self.records += records

    async def end_positions(self, topics: Sequence[Topic]) -> tuple[Position, ...]:
        return tuple(Position(topic=topic.name, partition=0, offset=0) for topic in topics)


@dataclass
class MemoryTopic:
    """What is published. ``unreachable``: it fails like an unreachable broker."""

    records: list[Record] = field(default_factory=list)
    unreachable: bool = False

    async def publish(self, records: Sequence[Record]) -> None:
        if self.unreachable:
            raise ConnectionError
        self.records += records


@dataclass
class MemoryExtractRequests:
    """Requests for extracts."""

    requests: dict[str, StoredExtractRequest] = field(default_factory=dict)

    async def add(self, request: StoredExtractRequest) -> None:
        self.requests.setdefault(request.extract_id, request)

    async def get(self, extract_id: str) -> StoredExtractRequest | None:
        return self.requests.get(extract_id)

    async def of(self, requester: Requester) -> list[StoredExtractRequest]:
        return [request for request in self.requests.values() if request.requester == requester.text]


class MemoryModels(GatewayReadModels):
    """Every read model in memory. Reads are audited as in production."""

    def __init__(self) -> None:
        self.memory: dict[str, MemoryStates[Any]] = {p.name: MemoryStates(p) for p in PROJECTIONS}

        def states(processor: DocumentSet[S]) -> States[S]:
            return self.memory[processor.name]

        super().__init__(audited_reads(cast("Any", states)), cast("Any", _Collections()))

    def put(self, model: str, document_id: str, state: Any) -> None:
        """Set the state of a document."""
        self.memory[model].states[document_id] = state

    _exempt_of_year = ReadModels._exempt_of_year

    async def open_disputes(self, municipality: str, *, after: str, limit: int) -> list[OpenDispute]:
        cards = self.memory["cards"].states
        found = [
            report
            for report in self.memory["reports"].states.values()
            if report.dispute is not None
            and report.order > after
            and cards[report.card_id].municipality == municipality
        ]
        return [
            OpenDispute(report.report_id, report.order) for report in sorted(found, key=lambda one: one.order)[:limit]
        ]

    async def statistics_years(self) -> list[int]:
        return sorted({view.year for view in self.memory["statistics"].states.values()})

    async def extract_progress(self, extract_id: str, attempt: int) -> ExtractProgress:
        parts = self.memory["extract_parts"].states.values()
        found = [part for part in parts if (part.extract_id, part.attempt) == (extract_id, attempt)]
        return ExtractProgress(len(found), max((part.statements for part in found), default=0))


class MemoryEvidence:
    """Evidence files by statement."""

    def __init__(self) -> None:
        self.files: dict[str, EvidenceFile] = {}

    async def file(self, statement_id: str) -> EvidenceFile | None:
        return self.files.get(statement_id)


class _Collections:
    def __getitem__(self, name: str) -> None:
        return None


class NoLimit:
    """Allows every attempt."""

    async def acquire(self, attempt: Attempt) -> Attempt:
        return attempt

    async def release(self, acquired: Attempt) -> None:
        return

    async def record_wrong(self, acquired: Attempt) -> None:
        return


class _Callers:
    """Authenticates callers by name: the token is the key in ``by_token``."""

    def __init__(self) -> None:
        self.by_token: dict[str, Caller] = {}

    async def caller(self, authorization: str | None) -> Caller:
        caller = self.by_token.get((authorization or "").removeprefix("Bearer "))
        if caller is None:
            raise ProblemError("token-missing")
        return caller


@dataclass
class MemoryGateway:
    """The application, and the parts that a test fills or reads."""

    app: FastAPI
    models: MemoryModels
    accesses: MemoryAuditLog
    submissions: MemorySubmissions
    producer: MemoryProducer
    batches: MemoryBatchStore
    fake_services: FakeServices
    callers: dict[str, Caller]
    subscriptions: ChangeSubscriptions
    extract_requests: MemoryExtractRequests
    evidence: MemoryEvidence


async def memory_gateway(**changes: Any) -> MemoryGateway:
    """An empty gateway. ``changes`` are settings."""
    chosen = settings(**changes)
    runtime = Runtime(service="gateway", settings=chosen)
    app = application_factory(chosen, runtime)
    gateway: Container = app.state.gateway
    models, accesses, submissions, producer = MemoryModels(), MemoryAuditLog(), MemorySubmissions(), MemoryProducer()
    clock, callers = Clock(runtime.database, settable=False), _Callers()
    batches, fake_services, extract_requests = MemoryBatchStore(), FakeServices(), MemoryExtractRequests()
    evidence = MemoryEvidence()
    subscriptions = ChangeSubscriptions(runtime.stopping)
    commands = CommandService(store=submissions, producer=producer, now=clock.now, persons=persons())
    app.state.gateway = replace(
        gateway,
        end_positions=producer.end_positions,
        persons=persons(),
        producer=producer,
        clock=clock,
        read_models=models,
        commands=commands,
        outcomes=Outcomes(
            commands=commands,
            waits=OutcomeWaits(models, subscriptions),
            responses=response_builder(models, persons(), gateway.allowances),
            visibility=Visibility(models, clock.today),
            subjects=Subjects(models),
        ),
        attempt_limiter=cast("Any", NoLimit()),
        authenticator=cast("Any", callers),
        audit_log=accesses,
        extract_requests=cast("Any", extract_requests),
        evidence=cast("Any", evidence),
        event_streams=EventStreams(subscriptions, per_caller=chosen.streams_per_caller, most=chosen.streams_most),
        batches=batches,
        uploads=UploadService(
            batches=batches,
            queries=fake_services,
            number_checks=NumberChecks(cast("Any", NoLimit()), models, accesses, persons(), clock.now),
            persons=persons(),
            line_encryptor=line_encryptor(),
            producer=cast("Any", None),
            now=clock.now,
            lines_most=1_000,
            hold_days=7,
        ),
    )
    return MemoryGateway(
        app=app,
        models=models,
        accesses=accesses,
        submissions=submissions,
        producer=producer,
        batches=batches,
        fake_services=fake_services,
        callers=callers.by_token,
        subscriptions=subscriptions,
        extract_requests=extract_requests,
        evidence=evidence,
    )
