"""Statements, and what is kept for the feeds, are built again from the topics while reports are accepted."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final

import bson
import pytest
from frikort_contracts.cloudevents import decode
from frikort_contracts.extracts import TaxStatementUpdated
from frikort_contracts.topics import AUTHORITY_SKAT, EXPORTS_JOBS, FEED_TOPICS
from pymongo import MongoClient
from pymongo.database import Database

from deploy.local.system import SERVICES
from deploy.mongodb.rights import REBUILD
from services.runtime import exit_codes
from services.runtime.processing.entries import MOST_INSIDE
from services.runtime.rebuild.beside import COLLECTION, SUFFIX
from tests.integration.scene import Card, Job, World, repeated
from tests.integration.test_erasure import erase
from tests.integration.topics import read_all
from tests.operations import command
from tests.waiting import eventually

NAMES: Final = ("statements", "card_feeds")
NOTHING: Final = "0 replaced, 0 inserted, 0 published again, 0 removed, 0 unexplained, 0 not compared"
YEAR: Final = "2025"
AUTHORITIES: Final = ("skat", "star", "municipality-101")
EMPLOYERS: Final = {f"state.years.{year}.statement.employers.cvr_1__id_1" for year in range(2020, 2030)}
"""The indexes that an extract for an employer creates."""

pytestmark = pytest.mark.timeout(400)


@contextmanager
def database_of(world: World) -> Iterator[Database[dict[str, Any]]]:
    """The database of exports, with all rights."""
    with MongoClient[dict[str, Any]](world.system.mongodb) as client:
        yield client["frikort_exports"]


async def rebuild(world: World, *names: str, code: int = exit_codes.DONE) -> str:
    """Run the command. Returns its output."""
    found, out, err = await run(world, *names)
    assert found == code, out + err
    return out


async def run(world: World, *names: str) -> tuple[int, str, str]:
    """Run the command with the settings of exports, as the user that may rebuild."""
    (exports,) = (service for service in SERVICES if service.name == "exports")
    environment = world.system.environment("exports", exports.settings)
    environment |= world.system.mongodb_access.environment(REBUILD)
    return await asyncio.to_thread(command.run, command.REBUILD_EXPORTS, names, environment)


def stored(world: World, name: str, card: Card) -> tuple[bytes, dict[str, Any]] | None:
    """The state of a card's document, as bytes, and its entries outside."""
    with database_of(world) as database:
        document = database[name].find_one({"_id": card.id})
        within = {"_id": {"$gt": f"{card.id}/", "$lt": f"{card.id}0"}}
        entries = {entry["_id"]: entry["value"] for entry in database[f"{name}_entries"].find(within)}
    return None if document is None else (bson.encode(document["state"]), entries)


def state_of(world: World, name: str, card: Card) -> dict[str, Any]:
    with database_of(world) as database:
        return dict((database[name].find_one({"_id": card.id}) or {})["state"])


def without_places(state: Mapping[str, Any]) -> dict[str, Any]:
    """The state of statements without where its reports are stored."""
    years = {number: {**year, "reports": None} for number, year in state["years"].items()}
    return {**state, "years": years}


async def published(world: World, card: Card) -> list[TaxStatementUpdated]:
    """The statements of a card on the tax agency's feed, in order."""
    records = await read_all(world.system.access, AUTHORITY_SKAT.name)
    found = [decode(AUTHORITY_SKAT, record.value, record.headers).data for record in records]
    return [event for event in found if event.card_id == card.id]


async def messages_sent(world: World) -> int:
    """The number of messages by which cards publish again."""
    return len(await read_all(world.system.access, EXPORTS_JOBS.name))


async def records_of_feeds(world: World, *cards: Card) -> int:
    """The number of records about cards on the feeds, the first ones and those of the table."""
    names = [AUTHORITY_SKAT.name, *(FEED_TOPICS[name].name for name in ("skat", "star"))]
    records = await read_all(world.system.access, *names)
    return sum(record.key.decode().startswith(card.id) for record in records for card in cards)


async def stated(world: World, job: Job, amount: int) -> TaxStatementUpdated:
    """Wait until the last statement of a card has an amount, and every authority of the card has a record of it."""

    async def last() -> TaxStatementUpdated | None:
        found = await published(world, job.card)
        if not found or found[-1].reported != amount:
            return None
        year = state_of(world, "card_feeds", job.card)["years"][YEAR]
        is_kept = year["statement"] and year["statement"]["revision"] == found[-1].revision
        return found[-1] if is_kept and all(year["published"].get(name) for name in AUTHORITIES) else None

    return await eventually(last, within=60, what=f"the statement of {amount} øre")


@contextmanager
def cards_and_reports(world: World) -> Iterator[list[Job]]:
    """Issue one card after another within the context, each with two reports."""
    jobs: list[Job] = []

    def add() -> None:
        job = world.job()
        job.report(1_000)
        job.report(2_000)
        jobs.append(job)

    with repeated(add):
        yield jobs


async def test_under_load_everything_is_equal_and_nothing_is_published_again(world: World) -> None:
    job = world.job()
    job.report(123_400)
    await stated(world, job, 123_400)
    before, sent = {name: stored(world, name, job.card) for name in NAMES}, await messages_sent(world)

    with cards_and_reports(world) as jobs:
        out = await rebuild(world, *NAMES)
    assert jobs
    assert out.count("rebuilt from") == out.count(NOTHING) == len(NAMES), out
    assert {name: stored(world, name, job.card) for name in NAMES} == before
    assert await messages_sent(world) == sent
    for each in jobs:
        last = await stated(world, each, 3_000)
        assert last.reports == 2
    with database_of(world) as database:
        assert not [name for name in database.list_collection_names() if SUFFIX in name and name.startswith(NAMES)]
        assert all((database[COLLECTION].find_one({"_id": name}) or {})["done"] for name in NAMES)


async def test_a_wrong_statement_is_replaced_and_published_under_a_later_revision(world: World) -> None:
    job = world.job()
    job.report(123_400)
    right = await stated(world, job, 123_400)
    before = state_of(world, "statements", job.card)
    with database_of(world) as database:
        wrong = {f"state.years.{YEAR}.statement.exempt": 1, f"state.years.{YEAR}.employers.{job.employer.cvr}.1": 1}
        assert database["statements"].update_one({"_id": job.card.id}, {"$set": wrong}).matched_count

    out = await rebuild(world, "statements")
    assert "1 replaced, 0 inserted, 1 published again" in out

    async def again() -> TaxStatementUpdated | None:
        last = (await published(world, job.card))[-1]
        return last if last.revision > right.revision else None

    after = await eventually(again, within=60, what="the statement again")
    assert after.model_copy(update={"revision": right.revision}) == right
    state = state_of(world, "statements", job.card)
    assert state["years"][YEAR]["statement"]["revision"] == after.revision
    state["years"][YEAR]["statement"]["revision"] = right.revision
    assert state == before
    assert NOTHING in await rebuild(world, "statements"), "the second time everything is right"


@pytest.mark.parametrize("name", [pytest.param("statements", marks=pytest.mark.verify), "card_feeds"])
async def test_dropped_documents_are_built_again_to_the_byte(world: World, name: str) -> None:
    job = world.job()
    job.report(123_400)
    await stated(world, job, 123_400)
    assert NOTHING in await rebuild(world, name)
    before, count = stored(world, name, job.card), await records_of_feeds(world, job.card)
    with database_of(world) as database:
        with_state = {"state": {"$ne": None}}
        cards, indexed = database[name].count_documents(with_state), database[name].index_information()
        database[name].drop()
        database[f"{name}_entries"].drop()
        out = await rebuild(world, name)
        assert f"0 replaced, {cards} inserted, 0 published again" in out
        assert database[name].count_documents(with_state) == cards
        assert indexed.keys() - database[name].index_information().keys() <= EMPLOYERS
    assert stored(world, name, job.card) == before
    job.report(1_000)
    await stated(world, job, 124_400)
    assert await records_of_feeds(world, job.card) > count, "the documents are those that the service goes on with"


@pytest.mark.verify
async def test_an_interrupted_rebuild_continues_and_publishes_what_it_had_noted(world: World) -> None:
    """It was killed after it had corrected the card: once with the documents beside, and once after these were gone."""
    job = world.job()
    job.report(123_400)
    revision = (await stated(world, job, 123_400)).revision
    for is_there in (True, False):
        with database_of(world) as database:
            run = {"run": f"interrupted-{is_there}", "started_at": "2026-01-01T00:00:00+00:00", "done": False}
            database[COLLECTION].replace_one({"_id": "statements"}, {**run, "publish": [job.card.id]}, upsert=True)
            if is_there:
                database.create_collection("statements" + SUFFIX)
        out = await rebuild(world, "statements")
        assert ("continues the rebuild" in out) is is_there
        assert "0 replaced, 0 inserted, 1 published again" in out
        after = (await published(world, job.card))[-1]
        assert after.revision == revision + 1, "the command ends after exports has published"
        revision = after.revision


@pytest.mark.verify
async def test_an_erased_person_stays_erased(world: World) -> None:
    job = world.job()
    job.report(123_400)
    await stated(world, job, 123_400)
    code, answer = await asyncio.to_thread(erase, world, job.card)
    assert code == exit_codes.DONE, answer

    async def without_cpr() -> bool:
        kept = state_of(world, "card_feeds", job.card)
        year = kept["years"][YEAR]
        is_kept = kept["erased"] and year["statement"]["cpr"] is None
        return bool(is_kept and (await published(world, job.card))[-1].cpr is None)

    await eventually(without_cpr, within=60, what="the statement without CPR number")
    await rebuild(world, *NAMES)  # waits until exports has applied everything
    before = {name: stored(world, name, job.card) for name in NAMES}
    with database_of(world) as database:
        for name in NAMES:
            database[name].delete_one({"_id": job.card.id})

    out = await rebuild(world, *NAMES)
    assert out.count("0 replaced, 1 inserted, 0 published again") == len(NAMES), out
    assert {name: stored(world, name, job.card) for name in NAMES} == before
    assert state_of(world, "statements", job.card)["erased"]


@pytest.mark.verify
async def test_entries_outside_a_document_are_compared_and_replaced(world: World) -> None:
    job = world.job()
    amounts = list(range(1_000, 1_000 + MOST_INSIDE + 6))
    for amount in amounts:
        await asyncio.to_thread(job.report, amount)
    await stated(world, job, sum(amounts))
    before = {name: stored(world, name, job.card) for name in NAMES}
    right = state_of(world, "statements", job.card)
    with database_of(world) as database:
        for name in NAMES:
            entry = database[f"{name}_entries"].find_one({"_id": {"$regex": f"^{job.card.id}/{YEAR}/"}})
            assert entry is not None
            database[f"{name}_entries"].update_one({"_id": entry["_id"]}, {"$set": {"value": [*entry["value"][:1], 7]}})
            database[f"{name}_entries"].insert_one({**entry, "_id": f"{job.card.id}/{YEAR}/nobody"})

    out = await rebuild(world, "statements")
    assert "1 replaced, 0 inserted, 0 published again" in out, "the statement itself was right"
    assert without_places(state_of(world, "statements", job.card)) == without_places(right)
    assert reports_of(world, job.card) == reports_in(before["statements"])
    out = await rebuild(world, "card_feeds")
    assert "1 replaced, 0 inserted, 1 published again" in out
    job.report(500)
    await stated(world, job, sum(amounts) + 500)
    assert NOTHING in await rebuild(world, *NAMES)


def reports_of(world: World, card: Card) -> dict[str, Sequence[Any]]:
    return reports_in(stored(world, "statements", card))


def reports_in(found: tuple[bytes, dict[str, Any]] | None) -> dict[str, Sequence[Any]]:
    """The splits of the year, wherever they are stored."""
    assert found is not None
    state, entries = found
    kept = bson.decode(state)["years"][YEAR]["reports"]
    outside = {key.rpartition("/")[2]: value for key, value in entries.items() if f"/{YEAR}/" in key}
    return {**outside, **kept.get("recent", {}), **kept["inside"]}


@pytest.mark.verify
async def test_a_document_that_no_record_is_about_is_removed_only_when_asked(world: World) -> None:
    with database_of(world) as database:
        phantom = {"_id": "00000000-0000-4000-8000-000000000000", "version": 1, "format": 1, "outbox": []}
        state = {"card_id": phantom["_id"]}
        database["statements"].insert_one({**phantom, "state": state, "applied": {"name": "applied", "inside": {}}})
        out = await rebuild(world, "statements", code=exit_codes.NOT_DONE)
        assert f"{phantom['_id']}: no record on the topics is about it" in out
        assert database["statements"].find_one({"_id": phantom["_id"]})
        assert "1 removed" in await rebuild(world, "statements", "--remove")
        assert database["statements"].find_one({"_id": phantom["_id"]}) is None


@pytest.mark.verify
async def test_of_two_commands_at_once_one_waits_and_neither_removes_a_document(world: World) -> None:
    job = world.job()
    job.report(123_400)
    await stated(world, job, 123_400)
    before = {name: stored(world, name, job.card) for name in NAMES}
    with database_of(world) as database:
        with_state = {"state": {"$ne": None}}
        count = database["statements"].count_documents(with_state)

        both = await asyncio.gather(*(run(world, "statements", "--remove") for _ in range(2)))

        assert database["statements"].count_documents(with_state) == count
    codes, out = [code for code, _, _ in both], "".join(out for _, out, _ in both)
    assert exit_codes.DONE in codes, both
    assert set(codes) <= {exit_codes.DONE, exit_codes.STOPPED_ITSELF}, "one that waits for long stops"
    assert out.count("rebuilt from") == out.count(NOTHING) == codes.count(exit_codes.DONE)
    assert out.count("another command rebuilds them") == 1
    assert {name: stored(world, name, job.card) for name in NAMES} == before
