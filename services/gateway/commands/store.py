"""The store of submitted commands: one document for each command id, without an end date. Contents are encrypted or
hashed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from frikort_contracts.cloudevents import Record
from pymongo import UpdateOne

from services.runtime.batched_calls import BatchedCalls
from services.runtime.mongo.document_store import Database, add_all


@dataclass(frozen=True, slots=True)
class StoredCommand:
    """A command as it is stored. ``client`` and ``request`` are hashes, ``response`` is encrypted."""

    command_id: str
    client: str
    request: str
    record: Record
    response: str | None = None


class CommandStore(Protocol):
    """Stores commands. It raises the errors of pymongo; a failed write may or may not have been done."""

    async def get(self, command_id: str) -> StoredCommand | None:
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
        self._submissions = database["submissions"]
        self._batched_get = BatchedCalls(self._get)
        self._batched_add = BatchedCalls(self._add)
        self._batched_add_response = BatchedCalls(self._add_responses)

    async def get(self, command_id: str) -> StoredCommand | None:
        return await self._batched_get(command_id)

    async def add(self, command: StoredCommand) -> bool:
        return await self._batched_add(command)

    async def add_response(self, command_id: str, response: str) -> bool:
        return await self._batched_add_response((command_id, response))

    async def _get(self, command_ids: Sequence[str]) -> list[StoredCommand | None]:
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


def _document_of(command: StoredCommand) -> dict[str, Any]:
    record = command.record
    return {
        "_id": command.command_id,
        "client": command.client,
        "request": command.request,
        "record": [record.topic, record.key, record.value, [[name, value] for name, value in record.headers]],
        "response": command.response,
    }


def _command_of(document: Mapping[str, Any]) -> StoredCommand:
    topic, key, value, headers = document["record"]
    return StoredCommand(
        command_id=document["_id"],
        client=document["client"],
        request=document["request"],
        record=Record(topic, bytes(key), bytes(value), tuple((name, bytes(header)) for name, header in headers)),
        response=document["response"],
    )
