"""Every user tries every operation on every collection; MongoDB allows what the table of rights says."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

import pytest
from pymongo import MongoClient
from pymongo.collection import Collection
from pymongo.errors import OperationFailure

from deploy.local.engines import Engines
from deploy.mongodb.rights import ALL_COLLECTIONS, DATABASES, REBUILD, USERS, Action, is_allowed, rights_of
from services.balance.processor import LEDGERS
from services.exports.extracts.requests import EXTRACT_FILES
from services.exports.statistics.card_history import CARD_HISTORIES
from services.gateway.projections import PROJECTIONS
from services.issuance.processor import cards
from services.runtime.kafka.dead_letters import journal

Client = MongoClient[dict[str, Any]]
Operation = Callable[[Collection[dict[str, Any]]], object]

UNAUTHORIZED: Final = 13
UNLISTED: Final = "unlisted"
"""A collection that the table does not name."""


def watch(collection: Collection[dict[str, Any]]) -> None:
    with collection.watch(max_await_time_ms=1):
        pass


OPERATIONS: Final[dict[Action, Operation]] = {
    Action.FIND: lambda collection: collection.find_one({}),
    Action.INSERT: lambda collection: collection.insert_one({"forged": True}),
    Action.UPDATE: lambda collection: collection.update_many({}, {"$set": {"forged": True}}),
    Action.REMOVE: lambda collection: collection.delete_many({"forged": "no document has this"}),
    Action.CREATE_INDEX: lambda collection: collection.create_index("forged"),
    Action.CHANGE_STREAM: watch,
    Action.LIST_COLLECTIONS: lambda collection: list(collection.database.list_collections()),
    Action.LIST_INDEXES: lambda collection: list(collection.list_indexes()),
    Action.DROP: lambda collection: collection.drop(),
}
NEVER: Final[dict[str, Operation]] = {
    "drop an index": lambda collection: collection.drop_index("forged_1"),
    "change the expiry": lambda collection: collection.database.command("collMod", collection.name, validator={}),
    "rename": lambda collection: collection.rename("renamed"),
    "drop the database": lambda collection: collection.database.client.drop_database(collection.database.name),
    "create a user": lambda collection: collection.database.command("createUser", "eve", pwd="eve", roles=[]),
    "create a role": lambda collection: collection.database.command("createRole", "eve", privileges=[], roles=[]),
}
"""What no user may do on any collection or database."""
NEVER_ON_SERVER: Final[dict[str, Callable[[Client], object]]] = {
    "read the users": lambda client: client.admin["system.users"].find_one(),
    "show the users": lambda client: client.admin.command("usersInfo", 1),
    "take a role": lambda client: client.admin.command("grantRolesToUser", "payroll", roles=["root"]),
    "widen a role": lambda client: client.admin.command(
        "grantPrivilegesToRole",
        "frikort-payroll",
        privileges=[{"resource": {"db": "frikort_gateway", "collection": ""}, "actions": ["find"]}],
    ),
    "read the log of operations": lambda client: client.local["oplog.rs"].find_one(),
    "watch all databases": lambda client: client.watch(),
    "see the state of the set": lambda client: client.admin.command("replSetGetStatus"),
    "see the settings": lambda client: client.admin.command("getCmdLineOpts"),
    "change a parameter": lambda client: client.admin.command("setParameter", 1, logLevel=1),
}


def collections() -> Iterator[tuple[str, str]]:
    """Every collection of the table, and one in each database that the table does not name."""
    for database in (*DATABASES, "foreign"):
        names = {name for user in USERS for name in rights_of(user, "local").get(database, {})}
        yield from ((database, name) for name in sorted({*names, UNLISTED} - {ALL_COLLECTIONS}))


def allows(operation: Callable[[], object]) -> bool:
    """Whether MongoDB carries the operation out. Raises every other error."""
    try:
        operation()
    except OperationFailure as failure:
        if failure.code != UNAUTHORIZED:
            raise
        return False
    return True


@pytest.fixture(params=USERS)
def user(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def client(attacked: Engines, user: str) -> Iterator[Client]:
    with Client(attacked.mongodb_access.uri(user)) as client:
        yield client


@pytest.mark.parametrize("action", OPERATIONS)
def test_a_user_may_do_what_the_table_gives_it_and_nothing_else(client: Client, user: str, action: Action) -> None:
    operation = OPERATIONS[action]
    allowed = {
        (database, name)
        for database, name in collections()
        if allows(lambda: operation(client[database][name]))  # noqa: B023
    }
    assert allowed == {place for place in collections() if is_allowed(user, action, *place, "local")}


@pytest.mark.parametrize("name", NEVER)
def test_no_user_changes_a_collection_or_a_database_itself(client: Client, name: str) -> None:
    operation = NEVER[name]
    assert [place for place in collections() if allows(lambda: operation(client[place[0]][place[1]]))] == []  # noqa: B023


@pytest.mark.parametrize("name", NEVER_ON_SERVER)
def test_no_user_administers_the_server(client: Client, user: str, name: str) -> None:
    allowed = (user, name) == ("backup", "read the log of operations")
    assert allows(lambda: NEVER_ON_SERVER[name](client)) == allowed


def test_a_user_sees_its_own_databases_only(client: Client, user: str) -> None:
    assert set(client.list_database_names()) <= set(rights_of(user, "local"))


def test_no_user_changes_or_deletes_an_entry_of_the_audit_log(attacked: Engines) -> None:
    with Client(attacked.mongodb) as administrator:
        administrator["frikort_gateway"]["accesses"].insert_one({"_id": "entry", "subject": "card:1"})
    for user in USERS:
        with Client(attacked.mongodb_access.uri(user)) as client:
            accesses = client["frikort_gateway"]["accesses"]
            assert not allows(lambda: accesses.delete_one({"_id": "entry"}))  # noqa: B023
            assert not allows(lambda: accesses.update_one({"_id": "entry"}, {"$set": {"subject": "card:2"}}))  # noqa: B023
            assert not allows(lambda: accesses.replace_one({"_id": "entry"}, {"subject": "card:2"}))  # noqa: B023
            assert not allows(lambda: accesses.find_one_and_delete({"_id": "entry"}))  # noqa: B023


def test_a_pipeline_reads_and_writes_no_other_collection(attacked: Engines) -> None:
    lookup = {"$lookup": {"from": "submissions", "localField": "_id", "foreignField": "_id", "as": "stolen"}}
    with Client(attacked.mongodb_access.uri("payroll")) as client:
        cards = client["frikort_gateway"]["cards"]
        assert allows(lambda: list(cards.aggregate([{"$match": {}}])))
        assert not allows(lambda: list(cards.aggregate([lookup])))
        assert not allows(lambda: list(cards.aggregate([{"$unionWith": "accesses"}])))
        assert not allows(lambda: list(cards.aggregate([{"$merge": {"into": "accesses"}}])))
        assert not allows(lambda: list(cards.aggregate([{"$out": "copy"}])))


def test_a_client_without_a_user_reads_nothing(attacked: Engines) -> None:
    with Client(attacked.mongodb_access.address) as client:
        assert not allows(client.list_database_names)
        assert not allows(client["frikort_gateway"]["cards"].find_one)


def test_the_table_names_the_collections_of_the_code() -> None:
    """The names are written out in the table; a new read model needs a right there."""
    assert {projection.name for projection in PROJECTIONS} <= set(rights_of("projections", "local")["frikort_gateway"])
    assert cards(b"s" * 32).name in rights_of("issuance", "local")["frikort_issuance"]
    assert LEDGERS.name in rights_of("balance", "local")["frikort_balance"]
    assert EXTRACT_FILES.name in rights_of("exports", "local")["frikort_exports"]
    rebuilt = rights_of(REBUILD, "local")
    assert {projection.name for projection in PROJECTIONS} <= set(rebuilt["frikort_gateway"])
    assert {CARD_HISTORIES.name, "statements", "card_feeds"} <= set(rebuilt["frikort_exports"])
    assert set(rights_of("operator", "local")) == {journal.DATABASE}


def test_no_process_drops_a_collection() -> None:
    droppers = {
        user
        for user in USERS
        for database, names in rights_of(user, "local").items()
        for name in names
        if is_allowed(user, Action.DROP, database, name, "local")
    }
    assert droppers == {REBUILD}


def test_only_the_local_environment_has_a_settable_clock() -> None:
    for action in (Action.INSERT, Action.UPDATE, Action.REMOVE):
        assert is_allowed("gateway", action, "frikort_gateway", "clock", "local")
        assert not any(is_allowed(user, action, "frikort_gateway", "clock", "production") for user in USERS)
