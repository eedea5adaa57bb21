"""A wait for an outcome takes what the change stream brings, and reads the database where that is not enough."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextvars import Context
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
from frikort_contracts.outcomes import CommandAccepted

from services.gateway.changes import change_notifier
from services.gateway.changes.change_notifier import ChangeSubscriptions, Key, Waiter, card_key
from services.gateway.changes.received_states import reading, received_first
from services.gateway.commands.outcomes import OutcomeWaits
from services.gateway.projections import ledgers, outcomes, reports
from services.gateway.projections.ledgers import ledger_id
from services.gateway.projections.outcomes import OutcomeView
from services.gateway.read_models import ReadModels
from services.runtime.mongo.document_store import LaterFormat
from services.runtime.processing.decision import DocumentSet
from tests.gateway.build import CARD, REPORT, after, balance, reported, settled

COMMAND = "command"
YEAR = ledger_id(CARD, 2025)
REPORT_VIEW = after(reports.PROJECTION, [reported(), settled(ledger_revision=1, report_revision=1, exempt=100_000)])
YEAR_VIEW = after(ledgers.PROJECTION, [balance(revision=1, exempt=100_000)])


@dataclass
class Database:
    """Stored states, and the documents that were read."""

    states: dict[Key, Any] = field(default_factory=dict)
    read: list[Key] = field(default_factory=list)

    def states_of(self, documents: DocumentSet[Any]) -> Any:
        return _Reader(self, documents.name)


@dataclass
class _Reader:
    database: Database
    name: str

    async def get(self, document_id: str) -> Any:
        self.database.read.append(Key(self.name, document_id))
        return self.database.states.get(Key(self.name, document_id))

    async def find(self, query: Mapping[str, Any], *, sort: Sequence[Any] = (), limit: int = 0, skip: int = 0) -> Any:
        return [state for key, state in self.database.states.items() if key.collection == self.name]


class World:
    """An instance of the API that waits, over a database."""

    def __init__(self) -> None:
        self.database = Database()
        self.models = ReadModels(received_first(self.database.states_of))
        self.subscriptions = ChangeSubscriptions(asyncio.Event())
        self.subscriptions.follow()
        self.waits = OutcomeWaits(self.models, self.subscriptions)

    def store(self, name: str, document_id: str, state: Any, *, delivered: bool = True) -> None:
        """Store a document, and let the change stream deliver it."""
        self.database.states[Key(name, document_id)] = state
        if delivered:
            self.deliver(name, document_id, state)

    def deliver(self, name: str, document_id: str, state: Any, **fields: Any) -> None:
        stored = {"_id": document_id, "version": 1, "state": state.model_dump(mode="json"), **fields}
        keys = (Key(name, document_id), card_key(CARD))
        self.subscriptions.deliver(Key(name, document_id), stored, keys)

    def accept(self, *, delivered: bool = True, **fields: Any) -> None:
        outcome = accepted(**fields)
        self.store("outcomes", COMMAND, outcome, delivered=delivered)

    async def outcome(self, waiter: Waiter, seconds: float = 0) -> OutcomeView | None:
        return await self.waits.outcome(waiter, COMMAND, seconds)


def accepted(**fields: Any) -> OutcomeView:
    given = {"command_id": COMMAND, "card_id": CARD, "report_id": REPORT, "revision": 1, "year": 2025, **fields}
    return after(outcomes.PROJECTION, [CommandAccepted(**given)])


def before_publish(world: World, waiter: Waiter, *, replayed: bool = False) -> None:
    envelope = SimpleNamespace(data=SimpleNamespace(card_id=CARD))
    submission: Any = SimpleNamespace(envelope=envelope, replayed=replayed)
    world.waits.before_publish(waiter, submission)


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def waiter(world: World) -> Iterator[Waiter]:
    """A wait for a command that is published now."""
    with world.waits.waiter(COMMAND) as waiter, reading(waiter):
        before_publish(world, waiter)
        yield waiter


async def test_a_new_report_is_answered_from_its_changes_and_nothing_is_read(world: World, waiter: Waiter) -> None:
    waiting = asyncio.create_task(world.outcome(waiter, 5))
    await asyncio.sleep(0)
    world.store("reports", REPORT, after(reports.PROJECTION, [reported()]))
    world.accept()
    world.store("reports", REPORT, REPORT_VIEW)
    await asyncio.sleep(0)
    assert not waiting.done()

    world.store("ledgers", YEAR, YEAR_VIEW)

    assert await waiting == accepted()
    assert world.database.read == []


@pytest.mark.parametrize("missing", ["outcomes", "reports", "ledgers"])
async def test_an_answer_waits_for_every_document_of_a_report(world: World, waiter: Waiter, missing: str) -> None:
    documents = {
        "outcomes": (COMMAND, accepted()),
        "reports": (REPORT, REPORT_VIEW),
        "ledgers": (YEAR, YEAR_VIEW),
    }
    for name, (document_id, state) in documents.items():
        if name != missing:
            world.store(name, document_id, state)

    assert await world.outcome(waiter) is None


async def test_an_older_revision_is_not_enough(world: World, waiter: Waiter) -> None:
    world.accept()
    world.store("reports", REPORT, REPORT_VIEW.model_copy(update={"revision": 0}))
    world.store("ledgers", YEAR, YEAR_VIEW)

    assert await world.outcome(waiter) is None


async def test_a_command_that_was_published_before_is_read_from_the_database(world: World) -> None:
    world.accept(delivered=False)
    world.store("reports", REPORT, REPORT_VIEW, delivered=False)
    world.store("ledgers", YEAR, YEAR_VIEW, delivered=False)

    with world.waits.waiter(COMMAND) as waiter, reading(waiter):
        before_publish(world, waiter, replayed=True)
        assert await world.outcome(waiter) == accepted()


async def test_a_report_that_was_known_before_is_read_from_the_database(world: World, waiter: Waiter) -> None:
    world.store("reports", REPORT, REPORT_VIEW, delivered=False)
    world.store("ledgers", YEAR, YEAR_VIEW, delivered=False)

    world.accept(already_reported=True)

    assert await world.outcome(waiter) == accepted(already_reported=True)


async def test_a_wait_reads_the_database_after_the_stream_broke(world: World, waiter: Waiter) -> None:
    world.accept()
    world.store("reports", REPORT, REPORT_VIEW, delivered=False)
    world.store("ledgers", YEAR, YEAR_VIEW, delivered=False)
    assert await world.outcome(waiter) is None

    world.subscriptions.lose()

    assert await world.outcome(waiter) == accepted()


async def test_a_wait_on_a_card_with_very_many_changes_reads_the_database(
    world: World, waiter: Waiter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(change_notifier, "_MOST_RECEIVED", 3)
    world.store("reports", REPORT, REPORT_VIEW)
    world.store("ledgers", YEAR, YEAR_VIEW)
    for number in range(3):
        world.deliver("reports", f"other {number}", REPORT_VIEW.model_copy(update={"report_id": f"other {number}"}))
    world.accept(delivered=False)

    assert waiter.received == {}
    assert await world.outcome(waiter) == accepted()


async def test_a_wait_that_begins_while_the_stream_is_broken_reads_the_database(world: World) -> None:
    world.subscriptions.lose()
    world.accept(delivered=False)
    world.store("reports", REPORT, REPORT_VIEW, delivered=False)
    world.store("ledgers", YEAR, YEAR_VIEW, delivered=False)

    with world.waits.waiter(COMMAND) as waiter, reading(waiter):
        before_publish(world, waiter)
        assert await world.outcome(waiter) == accepted()


async def test_a_wait_reads_the_database_if_no_change_comes(
    world: World, waiter: Waiter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(change_notifier, "_RECHECK_SECONDS", 0.01)
    world.accept(delivered=False)
    world.store("reports", REPORT, REPORT_VIEW, delivered=False)
    world.store("ledgers", YEAR, YEAR_VIEW, delivered=False)

    assert await world.outcome(waiter, 5) == accepted()


async def test_a_response_is_built_from_what_the_check_has_read_and_no_other_document(world: World) -> None:
    other = REPORT_VIEW.model_copy(update={"report_id": "other"})
    with world.waits.waiter(COMMAND) as waiter, reading(waiter) as received:
        before_publish(world, waiter)
        world.accept()
        world.store("reports", REPORT, REPORT_VIEW)
        world.store("ledgers", YEAR, YEAR_VIEW)
        world.deliver("reports", "other", other)  # maybe older than what another instance has shown
        assert await world.outcome(waiter) is not None
        received.end_checks()

        assert await world.models.reports.get(REPORT) == REPORT_VIEW
        assert await world.models.reports.get("other") is None
    assert world.database.read == [Key("reports", "other")]


async def test_a_dry_run_reads_the_ledger_from_the_database(world: World, waiter: Waiter) -> None:
    with reading(waiter) as received:
        world.deliver("ledgers", YEAR, YEAR_VIEW.model_copy(update={"revision": 0}))
        world.accept(report_id=None, revision=None, dry_run=True)
        world.store("ledgers", YEAR, YEAR_VIEW, delivered=False)
        assert await world.outcome(waiter) is not None
        received.end_checks()

        assert await world.models.ledgers.get(YEAR) == YEAR_VIEW


async def test_outside_a_wait_the_database_is_read(world: World, waiter: Waiter) -> None:
    world.deliver("reports", REPORT, REPORT_VIEW)

    async def another_request() -> Any:
        return await world.models.reports.get(REPORT)

    assert await asyncio.get_running_loop().create_task(another_request(), context=Context()) is None


async def test_a_document_that_a_later_release_wrote_is_not_read(world: World, waiter: Waiter) -> None:
    world.deliver("outcomes", COMMAND, accepted(), format=99)

    with pytest.raises(LaterFormat):
        await world.outcome(waiter)
