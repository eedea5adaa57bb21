"""Queries for which MongoDB reads a whole collection, recorded by its profiler while tests run."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from pymongo import MongoClient

from deploy.local.system import SERVICES
from deploy.mongodb.rights import DATABASES

_PROFILE_BYTES: Final = 16_000_000


def record_scans(uri: str) -> None:
    """Let MongoDB record the scans in each database of the system. ``uri`` is that of the provisioner."""
    with MongoClient[dict[str, Any]](uri) as client:
        for name in DATABASES:
            client[name].create_collection("system.profile", capped=True, size=_PROFILE_BYTES)
            client[name].command("profile", 1, filter={"planSummary": {"$regex": "COLLSCAN"}})


class Scan(NamedTuple):
    """The collection that was read as a whole, and the fields of the query."""

    database: str
    collection: str
    fields: str


def scans(uri: str) -> set[Scan]:
    """The scans by processes. Commands of operators may read everything."""
    processes = {f"{service.name}@admin" for service in SERVICES}
    with MongoClient[dict[str, Any]](uri) as client:
        return {
            Scan(name, scan["ns"].removeprefix(f"{name}."), ", ".join(_fields(scan["command"])))
            for name in DATABASES
            for scan in client[name]["system.profile"].find()
            if scan["user"] in processes and not _is_change_stream(scan)
        }


def _fields(command: dict[str, Any]) -> list[str]:
    """The fields by which documents are looked for, and those by which they are sorted."""
    first: dict[str, Any] = next(iter(command.get("pipeline", [])), {})
    wanted = command.get("filter") or command.get("query") or command.get("q") or first.get("$match", {})
    return [*wanted, *(f"sorted by {field}" for field in command.get("sort", {}))]


def _is_change_stream(scan: dict[str, Any]) -> bool:
    command = scan.get("originatingCommand", scan["command"])
    return "$changeStream" in next(iter(command.get("pipeline", [])), {})
