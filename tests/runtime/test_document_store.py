"""Documents of processors in a real MongoDB, written by the user that the process has."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any, Final
from uuid import uuid4

import pytest
from pymongo import MongoClient

from deploy.local.engines import Engines
from services.balance.ledger import MORE, MOST_INSIDE, Ledger, LedgerEntry, post_report, read_entries
from services.balance.processor import LEDGERS
from services.runtime.mongo.document_store import MongoStore, document_of
from services.runtime.mongo.driver import DRIVERS, close, connect_for_processing, durable_database
from services.runtime.processing.apply import Document
from services.runtime.processing.decision import Address
from services.runtime.processing.entry_loading import MapAddress, StoredEntries
from services.runtime.processing.unwritable import CannotBeWritten, Problem

DATABASE: Final = "frikort_balance"


@pytest.fixture
def provisioner(engines: Engines) -> Iterator[Any]:
    """The database of balance, without ledgers, as the provisioner sees it."""
    with MongoClient[dict[str, Any]](engines.mongodb) as client:
        client[DATABASE].drop_collection(LEDGERS.name)
        client[DATABASE].drop_collection(f"{LEDGERS.name}_entries")
        yield client[DATABASE]
        client[DATABASE].drop_collection(LEDGERS.name)
        client[DATABASE].drop_collection(f"{LEDGERS.name}_entries")


@pytest.fixture(params=DRIVERS)
async def store(engines: Engines, request: pytest.FixtureRequest) -> AsyncIterator[MongoStore[Ledger]]:
    """The store of balance, connected as its user, with either driver."""
    client = connect_for_processing(engines.mongodb_access.uri("balance"), driver=request.param)
    yield MongoStore(durable_database(client, DATABASE), LEDGERS)
    await close(client)


def options(provisioner: Any) -> dict[str, Any]:
    """The options of the collection of ledgers."""
    (found,) = provisioner.list_collections(filter={"name": LEDGERS.name})
    return dict(found["options"])


def ledger() -> Document[Ledger]:
    return Document(f"{uuid4()}:2026", state=Ledger(card_id="card", year=2026))


async def test_a_processor_creates_its_collection_clustered_by_id(store: MongoStore[Ledger], provisioner: Any) -> None:
    await store.prepare()
    await store.prepare()

    assert options(provisioner)["clusteredIndex"]["key"] == {"_id": 1}


@pytest.mark.parametrize("name", [LEDGERS.name, f"{LEDGERS.name}_entries"])
async def test_a_processor_creates_its_collections_with_small_pages(
    store: MongoStore[Ledger], provisioner: Any, name: str
) -> None:
    await store.prepare()

    statistics = provisioner.command("collStats", name)
    assert "leaf_page_max=4KB" in statistics["wiredTiger"]["creationString"]


@contextmanager
def profiled(provisioner: Any) -> Iterator[list[dict[str, Any]]]:
    """What MongoDB did for the queries and writes within the context; the list is filled at its end."""
    found: list[dict[str, Any]] = []
    provisioner.command("profile", 2)
    try:
        yield found
    finally:
        provisioner.command("profile", 0)
        own = [f"{DATABASE}.{LEDGERS.name}", f"{DATABASE}.{LEDGERS.name}_entries"]
        found += provisioner["system.profile"].find({"ns": {"$in": own}})
        provisioner.drop_collection("system.profile")


async def test_several_documents_and_entries_are_found_without_a_scan_of_all(
    store: MongoStore[Ledger], provisioner: Any
) -> None:
    """MongoDB scans the whole of a clustered collection for them, unless another index begins with the id."""
    await store.prepare()
    ids = [f"{number}:2026" for number in range(50)]
    provisioner[LEDGERS.name].insert_many([document_of(Document(i, state=ledger().state), LEDGERS) for i in ids])
    entries = [{"_id": f"{i}/{MORE}/{key}", "version": 1, "value": 1} for i in ids for key in "abc"]
    provisioner[f"{LEDGERS.name}_entries"].insert_many(entries)

    with profiled(provisioner) as queries:
        assert len([*await store.load([Address(i) for i in ids[:3]])]) == 3
        found = await store.load_entries({MapAddress(ids[0], MORE): None, MapAddress(ids[1], MORE): {"a", "b"}})
        assert [len(each.values) for each in found.values()] == [3, 2]

    assert [(query["nreturned"], query["docsExamined"]) for query in queries] == [(3, 3), (2, 2), (5, 5)]


async def test_a_document_is_replaced_by_one_search(store: MongoStore[Ledger], provisioner: Any) -> None:
    await store.prepare()
    first = ledger()
    assert await store.write([first])
    (loaded,) = await store.load([Address(first.id)])

    with profiled(provisioner) as writes:
        assert await store.write([loaded])

    assert [write["planSummary"] for write in writes] == ["CLUSTERED_IXSCAN"]


async def test_a_collection_that_exists_is_used_as_it_is(store: MongoStore[Ledger], provisioner: Any) -> None:
    provisioner.create_collection(LEDGERS.name)
    await store.prepare()

    assert "clusteredIndex" not in options(provisioner)
    assert await store.write([ledger()])


async def test_a_collection_is_made_clustered_by_a_copy(store: MongoStore[Ledger], provisioner: Any) -> None:
    provisioner.create_collection(LEDGERS.name)
    assert await store.write([ledger(), ledger()])
    before = list(provisioner[LEDGERS.name].find().sort("_id"))

    # The commands of docs/operations.md.
    provisioner.create_collection(
        "copy",
        clusteredIndex={"key": {"_id": 1}, "unique": True},
        storageEngine={"wiredTiger": {"configString": "leaf_page_max=4KB"}},
    )
    provisioner[LEDGERS.name].aggregate([{"$merge": "copy"}])
    provisioner["copy"].rename(LEDGERS.name, dropTarget=True)

    assert "clusteredIndex" in options(provisioner)
    assert list(provisioner[LEDGERS.name].find().sort("_id")) == before


async def test_a_document_is_replaced_at_its_version_alone(store: MongoStore[Ledger], provisioner: Any) -> None:
    await store.prepare()
    first = ledger()
    assert await store.write([first])
    assert not await store.write([first])

    (loaded,) = await store.load([Address(first.id)])
    assert loaded.version == 1
    assert await store.write([loaded])
    assert not await store.write([loaded])
    assert await store.write([Document(first.id, version=2, state=first.state)])


def posted(document: Document[Ledger], count: int) -> Document[Ledger]:
    """The document with ``count`` more reports."""
    assert document.state is not None
    state = document.state
    for number in range(count):
        entry = LedgerEntry(f"report {state.revision} {number}", "employment", "10000009", 1, 100)
        state = post_report(state, entry, is_new=True).ledger
    document.state = state
    return document


async def test_entries_move_out_of_a_document_before_its_next_write(
    store: MongoStore[Ledger], provisioner: Any
) -> None:
    await store.prepare()
    large = posted(ledger(), MOST_INSIDE + 3)
    address = MapAddress(large.id, MORE)
    assert await store.write([large])
    assert await store.load_entries({address: None}) == {address: StoredEntries(1, 0, {})}

    (loaded,), (stale,) = await store.load([Address(large.id)]), await store.load([Address(large.id)])
    assert loaded.state is not None
    assert [place for place, *_ in loaded.state.more.recent.values()] == [MOST_INSIDE, MOST_INSIDE + 1, MOST_INSIDE + 2]
    assert await store.write([posted(loaded, 1)])
    assert not await store.write([stale])
    first = await store.load_entries({address: None})
    assert first == {address: StoredEntries(2, 1, loaded.state.more.recent)}

    (again,) = await store.load([Address(large.id)])
    assert again.state is not None
    again.state.more.add_loaded(first[address].values, None)
    assert len(read_entries(again.state)) == MOST_INSIDE + 4
    assert await store.write([posted(again, 1)])
    assert not await store.write([stale])
    key = next(iter(again.state.more.recent))
    assert (await store.load_entries({address: {key, "unknown"}}))[address] == StoredEntries(
        3, 2, {key: again.state.more.recent[key]}
    )


async def test_entries_of_an_unknown_document_are_none(store: MongoStore[Ledger]) -> None:
    address = MapAddress("nowhere", MORE)

    assert await store.load_entries({address: {"report"}}) == {address: StoredEntries(0, 0, {})}


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"entries": "x" * 17_000_000}, Problem.DOCUMENT_TOO_LARGE),
        ({"exempt": 2**63}, Problem.VALUE_REFUSED),
        ({"card_id": "\ud800"}, Problem.VALUE_REFUSED),
    ],
    ids=["too large", "an integer of 64 bits and more", "no UTF-8"],
)
async def test_a_document_that_mongodb_never_takes_is_refused_by_a_problem_code(
    store: MongoStore[Ledger], provisioner: Any, changes: dict[str, Any], problem: Problem
) -> None:
    await store.prepare()
    good, bad = ledger(), ledger()
    assert bad.state is not None
    bad.state = bad.state._replace(**changes)
    with pytest.raises(CannotBeWritten) as refused:
        await store.write([bad])
    assert refused.value.problem is problem
    with pytest.raises(CannotBeWritten):
        await store.write([bad, good])
    assert provisioner[LEDGERS.name].find_one({"_id": bad.id}) is None
