"""Who may do what in MongoDB: for each user its databases, their collections, and the actions on each.

The only table of database rights. A user is a process of the system or a person's tool, and has one role, which is made
from this table. Whatever the table does not give is refused by MongoDB.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final, Literal

Environment = Literal["local", "production"]


class Action(StrEnum):
    """An action of MongoDB on a collection."""

    FIND = "find"
    INSERT = "insert"
    UPDATE = "update"
    REMOVE = "remove"
    CREATE_INDEX = "createIndex"
    CHANGE_STREAM = "changeStream"
    LIST_COLLECTIONS = "listCollections"
    LIST_INDEXES = "listIndexes"
    DROP = "dropCollection"


Rights = Mapping[str, Mapping[str, frozenset[Action]]]
"""Actions by database and collection."""

PROVISIONER: Final = "provisioner"
"""Creates users and roles, so it may do everything. The only user that is not in the table."""

ALL_COLLECTIONS: Final = ""
"""In place of a collection: every collection of the database, as MongoDB writes it."""

_READ: Final = frozenset({Action.FIND})
_ADD: Final = frozenset({Action.INSERT})
_READ_AND_ADD: Final = frozenset({Action.FIND, Action.INSERT})
_KEEP: Final = frozenset({Action.FIND, Action.INSERT, Action.UPDATE})
_KEEP_INDEXED: Final = _KEEP | {Action.CREATE_INDEX}
_KEEP_ONCE: Final = frozenset({Action.FIND, Action.INSERT, Action.REMOVE, Action.CREATE_INDEX})
_ADD_INDEXED: Final = frozenset({Action.INSERT, Action.CREATE_INDEX})
_WATCH: Final = frozenset({Action.FIND, Action.CHANGE_STREAM})


def _documents(processor: str) -> dict[str, frozenset[Action]]:
    """The documents of a processor, and their entries outside."""
    return dict.fromkeys((processor, f"{processor}_entries"), _KEEP_INDEXED)


_READ_MODELS: Final = {
    "cards": _KEEP_INDEXED,
    "employments": _KEEP_INDEXED,
    "reports": _KEEP_INDEXED,
    "ledgers": _KEEP_INDEXED,
    "outcomes": _ADD_INDEXED,
    "extracts": _KEEP_INDEXED,
    "extract_parts": _ADD_INDEXED,
    "extract_files": _KEEP_INDEXED,
    "reconciliations": _KEEP_INDEXED,
    "statistics": _ADD_INDEXED,
    "evidence": _ADD_INDEXED,
}


def _rebuilt(*projections: str) -> dict[str, frozenset[Action]]:
    """Projections and the collections that take their place, when they are built again."""
    replaced = _KEEP_INDEXED | {Action.LIST_INDEXES, Action.DROP}
    names = (*projections, *(f"{name}_rebuilt" for name in projections))
    return {"rebuilds": _KEEP, **dict.fromkeys(names, replaced)}


def _compared(*processors: str) -> dict[str, frozenset[Action]]:
    """Documents of processors that are compared with the topics, and those that are built beside for it."""
    corrected = _KEEP_INDEXED | {Action.REMOVE}
    beside = _KEEP_INDEXED | {Action.LIST_INDEXES, Action.DROP}
    names = [name for processor in processors for name in (processor, f"{processor}_entries")]
    copies = [name for processor in processors for name in (f"{processor}_rebuilt", f"{processor}_rebuilt_entries")]
    return {"applied_positions": _READ, **dict.fromkeys(names, corrected), **dict.fromkeys(copies, beside)}


# A process with processors keeps how far its database has applied its topics, and the formats of its documents.
_OF_PROCESSORS: Final = {"applied_positions": _KEEP, "formats": _KEEP}
# It counts its dead letters that wait.
_JOURNAL: Final = {"frikort_operations": {"dead_letter_actions": _READ}}

_PROCESSES_AND_OPERATOR: Final[Mapping[str, Rights]] = {
    "issuance": {"frikort_issuance": {**_documents("cards"), "jobs": _KEEP, **_OF_PROCESSORS}, **_JOURNAL},
    "reporting": {"frikort_reporting": {**_documents("card_states"), **_OF_PROCESSORS}, **_JOURNAL},
    "balance": {"frikort_balance": {**_documents("ledgers"), "jobs": _KEEP, **_OF_PROCESSORS}, **_JOURNAL},
    "exports": {
        "frikort_exports": {
            **_documents("statements"),
            **_documents("card_feeds"),
            **_documents("requests"),
            **_documents("extract_files"),
            **_documents("period_extracts"),
            **_documents("reconciliations"),
            "card_histories": _KEEP_INDEXED,
            "statistics": _KEEP,
            "feed_checks": _KEEP,
            "locks": _KEEP,
            "rebuilds": _READ,
            "jobs": _KEEP,
            "key_checks": _READ_AND_ADD,
            **_OF_PROCESSORS,
        },
        **_JOURNAL,
    },
    # Entries of the audit log are added and read. No user changes or deletes one.
    "gateway": {
        "frikort_gateway": {
            ALL_COLLECTIONS: _WATCH,
            "accesses": _ADD_INDEXED,
            "audit_chains": frozenset({Action.INSERT, Action.UPDATE, Action.CREATE_INDEX}),
            "evidence": frozenset({Action.UPDATE}),
            "evidence_roots": frozenset({Action.INSERT, Action.UPDATE, Action.CREATE_INDEX}),
            "audit_checks": frozenset({Action.INSERT, Action.UPDATE}),
            "locks": frozenset({Action.INSERT, Action.UPDATE}),
            "unusual_accesses": frozenset({Action.INSERT, Action.UPDATE, Action.REMOVE, Action.CREATE_INDEX}),
            "submissions": frozenset({Action.INSERT, Action.UPDATE, Action.CREATE_INDEX}),
            "retention_runs": frozenset({Action.INSERT, Action.UPDATE}),
            "attempts": frozenset({Action.INSERT, Action.UPDATE, Action.CREATE_INDEX}),
            "cards": frozenset({Action.CREATE_INDEX}),
            "employments": frozenset({Action.CREATE_INDEX}),
            "reports": frozenset({Action.CREATE_INDEX}),
            "extract_requests": frozenset({Action.INSERT, Action.UPDATE, Action.CREATE_INDEX}),
            "report_batches": frozenset({Action.INSERT, Action.UPDATE, Action.REMOVE, Action.CREATE_INDEX}),
            "report_batch_chunks": frozenset({Action.INSERT, Action.REMOVE, Action.CREATE_INDEX}),
            "projection_heartbeats": frozenset({Action.CREATE_INDEX}),
            "key_checks": _ADD,
        }
    },
    "projections": {
        "frikort_gateway": {
            **_READ_MODELS,
            **_OF_PROCESSORS,
            "projection_heartbeats": frozenset({Action.INSERT, Action.UPDATE}),
        },
        **_JOURNAL,
    },
    "payroll": {
        "frikort_gateway": {
            "cards": _READ,
            "employments": _READ,
            "ledgers": _READ,
            "outcomes": _WATCH,
            "reports": _WATCH,
            "report_batches": _WATCH | {Action.UPDATE, Action.REMOVE, Action.CREATE_INDEX},
            "report_batch_chunks": frozenset({Action.FIND, Action.UPDATE, Action.REMOVE, Action.CREATE_INDEX}),
            "accesses": _ADD,
            "audit_chains": frozenset({Action.FIND, Action.INSERT, Action.UPDATE}),
            "clock": _READ,
            "key_checks": _READ_AND_ADD,
        }
    },
    "portals": {
        "frikort_portals": {
            "sessions": _KEEP_INDEXED | {Action.REMOVE},
            "logins": _KEEP_ONCE,
            "drafts": _KEEP_ONCE,
        }
    },
    # Checks the audit log.
    "auditor": {
        "frikort_gateway": {"accesses": _READ, "audit_chains": _READ},
        "frikort_operations": {"audit_removals": _READ},
    },
    # Reads and replays dead letters, and changes the amounts of a year.
    "operator": {"frikort_operations": {"dead_letter_actions": _READ_AND_ADD, "year_changes": _READ_AND_ADD}},
}
DATABASES: Final = tuple(sorted({name for rights in _PROCESSES_AND_OPERATOR.values() for name in rights}))

REBUILD: Final = "rebuild"
"""Builds projections and documents of exports again. Only a person's tool: no process may drop a collection."""
_COPY: Final = frozenset({Action.FIND, Action.LIST_COLLECTIONS, Action.LIST_INDEXES})
_USERS: Final[Mapping[str, Rights]] = {
    **_PROCESSES_AND_OPERATOR,
    REBUILD: {
        "frikort_exports": {**_rebuilt("card_histories"), **_compared("statements", "card_feeds")},
        "frikort_gateway": _rebuilt(*_READ_MODELS),
    },
    # MongoDB's log of operations says which documents have changed.
    "backup": {**{database: {ALL_COLLECTIONS: _COPY} for database in DATABASES}, "local": {"oplog.rs": _READ}},
}
_ONLY_LOCAL: Final[Mapping[str, Rights]] = {
    "gateway": {"frikort_gateway": {"clock": frozenset({Action.INSERT, Action.UPDATE, Action.REMOVE})}}
}
"""The settable clock."""

USERS: Final = tuple(_USERS)


def rights_of(user: str, environment: Environment) -> Rights:
    """The rights of a user of the table."""
    rights = {database: dict(collections) for database, collections in _USERS[user].items()}
    if environment == "local":
        for database, collections in _ONLY_LOCAL.get(user, {}).items():
            rights[database] |= collections
    return rights


def is_allowed(user: str, action: Action, database: str, collection: str, environment: Environment) -> bool:
    """Whether the table gives the user this action on the collection."""
    collections = rights_of(user, environment).get(database, {})
    own = collections.get(collection, frozenset()) | collections.get(ALL_COLLECTIONS, frozenset())
    return action in own


def role_of(user: str) -> str:
    """The name of the role of a user, in the database `admin`."""
    return f"frikort-{user}"


def privileges_of(user: str, environment: Environment) -> list[dict[str, Any]]:
    """The privileges of the user's role, as MongoDB writes them."""
    return [
        {"resource": {"db": database, "collection": collection}, "actions": sorted(actions)}
        for database, collections in sorted(rights_of(user, environment).items())
        for collection, actions in sorted(collections.items())
    ]
