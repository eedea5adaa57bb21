"""Read models and histories are built again while reports are accepted, and are the same to the byte."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

import bson
import pytest
from pymongo import MongoClient

from deploy.local.system import SERVICES
from deploy.mongodb.rights import REBUILD
from services.runtime import exit_codes
from services.runtime.rebuild.beside import COLLECTION, SUFFIX
from tests.integration.scene import Job, World, accepted, repeated
from tests.operations import command
from tests.waiting import eventually

REBUILT: Final = {
    "gateway": ("projections", ("cards", "employments", "reports", "ledgers", "outcomes", "evidence", "extract_files")),
    "exports": ("exports", ("card_histories",)),
}
"""The projections that are built again, and the process whose settings the command gets."""
MODULES: Final = {"gateway": command.REBUILD_READ_MODELS, "exports": command.REBUILD_EXPORTS}


def rebuild(world: World, service: str, *names: str) -> str:
    """Run the command with the settings of the process, as the user that may replace collections."""
    process, _ = REBUILT[service]
    system = world.system
    (started,) = (each for each in SERVICES if each.name == process)
    environment = system.environment(process, started.settings) | system.mongodb_access.environment(REBUILD)
    code, out, err = command.run(MODULES[service], names, environment)
    assert code == exit_codes.DONE, err
    return out


def states(world: World) -> dict[tuple[str, str], bytes]:
    """The stored state of every document, as bytes. Whether evidence is signed is not part of what is built."""
    with MongoClient[dict[str, Any]](world.system.mongodb) as client:
        return {
            (name, stored["_id"]): bson.encode({k: v for k, v in stored["state"].items() if k != "signed"})
            for service, (_, names) in REBUILT.items()
            for name in names
            for stored in client[f"frikort_{service}"][name].find({})
        }


def indexes(world: World) -> dict[str, Mapping[str, Any]]:
    """The indexes of each collection, without that of `_id`: a collection has it from its first document."""
    with MongoClient[dict[str, Any]](world.system.mongodb) as client:
        return {
            name: {
                index: keys
                for index, keys in client[f"frikort_{service}"][name].index_information().items()
                if index != "_id_"
            }
            for service, (_, names) in REBUILT.items()
            for name in names
        }


async def caught_up(world: World) -> None:
    """Wait until the read models and histories have everything."""

    async def is_caught_up() -> bool:
        return not any(lag for name in REBUILT for lag in lags(world, name))

    await eventually(is_caught_up, what="projections and exports without lag")


def lags(world: World, service: str) -> list[int]:
    """The lag of each partition. Readiness asks the broker where they end."""
    processors = world.readiness(REBUILT[service][0]).json()["processors"]
    return [lag for processor in processors.values() for lag in processor["lag"].values()]


@contextmanager
def reports(job: Job) -> Iterator[list[int]]:
    """Report one amount after another, within the context. The list gets the amounts that were accepted."""
    amounts: list[int] = []

    def report() -> None:
        amount = 1_000 + len(amounts)
        accepted(job.employer.post("/v1/reports", job.body(amount)), 201)
        amounts.append(amount)

    with repeated(report):
        yield amounts


@pytest.mark.timeout(300)
async def test_a_rebuild_under_load_gives_the_same_states_and_loses_nothing(world: World) -> None:
    world.job().report(123_400)
    job = world.job()
    await caught_up(world)
    before, indexed = states(world), indexes(world)

    with reports(job) as amounts:
        for service, (_, names) in REBUILT.items():
            out = await asyncio.to_thread(rebuild, world, service, *names)
            assert out.count("rebuilt from") == len(names)

    async def is_caught_up() -> bool:
        return bool(job.card.balance()["reported_ore"] == sum(amounts))

    await eventually(is_caught_up, what="the ledger")
    await caught_up(world)
    assert len(amounts) > len(REBUILT)
    assert len(job.card.reports()) == len(amounts)
    after = states(world)
    touched = {job.card.id, *(report["report_id"] for report in job.card.reports())}
    same = {key for key in before if not any(one in key[1] for one in touched)}
    assert {key: after[key] for key in same} == {key: before[key] for key in same}
    assert before.keys() <= after.keys()
    assert indexes(world) == indexed


async def test_a_rebuild_leaves_nothing_behind_and_can_be_repeated(world: World) -> None:
    world.job().report(123_400)
    for _ in range(2):
        await asyncio.to_thread(rebuild, world, "exports", "card_histories")
    with MongoClient[dict[str, Any]](world.system.mongodb) as client:
        database = client["frikort_exports"]
        assert "card_histories" + SUFFIX not in database.list_collection_names()
        assert (database[COLLECTION].find_one({"_id": "card_histories"}) or {})["done"]


async def test_an_interrupted_rebuild_continues(world: World) -> None:
    """It was killed once before the new collection was in place, and once right after."""
    world.job().report(123_400)
    await caught_up(world)
    before = {key: state for key, state in states(world).items() if key[0] == "card_histories"}
    with MongoClient[dict[str, Any]](world.system.mongodb) as client:
        database = client["frikort_exports"]
        for is_in_place in (False, True):
            run = {"run": f"interrupted-{is_in_place}", "started_at": "2026-01-01T00:00:00+00:00", "done": False}
            database[COLLECTION].replace_one({"_id": "card_histories"}, run, upsert=True)
            if not is_in_place:
                database["card_histories" + SUFFIX].create_index("state.first_month")
            out = await asyncio.to_thread(rebuild, world, "exports", "card_histories")
            assert "continues the rebuild" in out
            assert {key: state for key, state in states(world).items() if key[0] == "card_histories"} == before
