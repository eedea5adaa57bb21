"""The store of submitted commands: one document for each command id. Contents are encrypted or hashed.

The command and its response expire; the id, the client, the fingerprint and the result stay, so that nothing is done
twice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Protocol

from frikort_contracts.cloudevents import Record
from pymongo import UpdateOne

from services.gateway.ordering import stamp
from services.gateway.projections import outcomes
from services.runtime.batched_calls import BatchedCalls
from services.runtime.mongo.document_store import add_all
from services.runtime.mongo.driver import Database

SUBMISSIONS: Final = "submissions"
"""The collection of the commands."""
TIME: Final = "ce_time"
"""The header of a record with its time."""


@dataclass(frozen=True, slots=True)
class StoredCommand:
    """A command as it is stored. ``client`` and ``request`` are hashes, ``response`` is encrypted."""

    command_id: str
    client: str
    request: str
    record: Record
    response: str | None = None

    @property
    def at(self) -> str:
        """The time of the command, as text that sorts by it."""
        return stamp(datetime.fromisoformat(dict(self.record.headers)[TIME].decode()))


@dataclass(frozen=True, slots=True)
class ExpiredCommand:
    """What is left of a command after its retention. ``accepted``: it was done, and not refused."""

    command_id: str
    client: str
    request: str
    accepted: bool


class CommandStore(Protocol):
    """Stores commands. It raises the errors of pymongo; a failed write may or may not have been done."""

    async def get(self, command_id: str) -> StoredCommand | ExpiredCommand | None:
        """The stored command, read with majority concern."""
        ...

    async def add(self, command: StoredCommand) -> bool:
        """Store a new command durably. False if its id is taken."""
        ...

    async def add_response(self, command_id: str, response: str) -> bool:
        """Store the response unless there is one. True if this response is certainly the stored one."""
        ...


class MongoCommandStore:
    """Commands in MongoDB. Concurrent calls share a query or a write."""

    def __init__(self, database: Database) -> None:
        self._submissions = database[SUBMISSIONS]
        self._batched_get = BatchedCalls(self._get)
        self._batched_add = BatchedCalls(self._add)
        self._batched_add_response = BatchedCalls(self._add_responses)

    async def get(self, command_id: str) -> StoredCommand | ExpiredCommand | None:
        return await self._batched_get(command_id)

    async def add(self, command: StoredCommand) -> bool:
        return await self._batched_add(command)

    async def add_response(self, command_id: str, response: str) -> bool:
        return await self._batched_add_response((command_id, response))

    async def _get(self, command_ids: Sequence[str]) -> list[StoredCommand | ExpiredCommand | None]:
        found = await self._submissions.find({"_id": {"$in": list(command_ids)}}).to_list(None)
        by_id = {document["_id"]: _command_of(document) for document in found}
        return [by_id.get(command_id) for command_id in command_ids]

    async def _add(self, commands: Sequence[StoredCommand]) -> list[bool]:
        return await add_all(self._submissions, [_document_of(command) for command in commands])

    async def _add_responses(self, responses: Sequence[tuple[str, str]]) -> list[bool]:
        result = await self._submissions.bulk_write(
            [
                UpdateOne({"_id": command_id, "response": None}, {"$set": {"response": response}})
                for command_id, response in responses
            ],
            ordered=False,
        )
        # MongoDB counts the matches and does not say which matched.
        return [result.matched_count == len(responses)] * len(responses)


class CommandExpiry:
    """Removes commands and responses from stored commands. A command without an outcome stays: it may be sent again."""

    def __init__(self, database: Database) -> None:
        self._submissions = database[SUBMISSIONS]
        self._outcomes = database[outcomes.PROJECTION.name]

    async def expire(self, command_ids: Sequence[str]) -> int:
        """Expire these commands. Returns how many had an outcome."""
        found = self._outcomes.find({"_id": {"$in": list(command_ids)}}, {"state.problem": 1})
        accepted = {stored["_id"]: stored["state"].get("problem") is None for stored in await found.to_list(None)}
        gone = {"record": "", "response": "", "unexpired": ""}
        writes = [
            UpdateOne({"_id": command_id}, {"$set": {"accepted": was_accepted}, "$unset": gone})
            for command_id, was_accepted in accepted.items()
        ]
        if writes:
            await self._submissions.bulk_write(writes, ordered=False)
        return len(writes)


def _document_of(command: StoredCommand) -> dict[str, Any]:
    record = command.record
    return {
        "_id": command.command_id,
        "client": command.client,
        "request": command.request,
        "record": [record.topic, record.key, record.value, [[name, value] for name, value in record.headers]],
        "response": command.response,
        "at": command.at,
        "unexpired": True,
    }


def _command_of(document: Mapping[str, Any]) -> StoredCommand | ExpiredCommand:
    if "record" not in document:
        return ExpiredCommand(document["_id"], document["client"], document["request"], document["accepted"])
    topic, key, value, headers = document["record"]
    return StoredCommand(
        command_id=document["_id"],
        client=document["client"],
        request=document["request"],
        record=Record(topic, bytes(key), bytes(value), tuple((name, bytes(header)) for name, header in headers)),
        response=document["response"],
    )
