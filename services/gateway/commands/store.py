"""Where submissions are kept: one for each command id, for ever. What stands in them is sealed or hashed."""

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
    """A submission as it is stored: whose it is, what was asked (both hashed), and what is produced for it."""

    command_id: str
    client: str
    request: str
    record: Record
    answer: str | None = None


class CommandStore(Protocol):
    """The store of submissions. Its errors are those of pymongo; then nothing is known of what was to be written."""

    async def get(self, command_id: str) -> StoredCommand | None:
        """The submission, as a majority knows it."""
        ...

    async def add(self, kept: StoredCommand) -> bool:
        """Keep a new one durably; False if there is one under this command id."""
        ...

    async def add_answer(self, command_id: str, answer: str) -> bool:
        """Keep the answer, unless there is one: the first stays. True if it is certain that this one was the first."""
        ...


class MongoCommandStore:
    """Submissions in MongoDB. What many ask at the same moment is one query or one write."""

    def __init__(self, database: Database) -> None:
        self._submissions = database["submissions"]
        self._together_get = BatchedCalls(self._get)
        self._together_add = BatchedCalls(self._add)
        self._together_answer = BatchedCalls(self._answer)

    async def get(self, command_id: str) -> StoredCommand | None:
        return await self._together_get(command_id)

    async def add(self, kept: StoredCommand) -> bool:
        return await self._together_add(kept)

    async def add_answer(self, command_id: str, answer: str) -> bool:
        return await self._together_answer((command_id, answer))

    async def _get(self, command_ids: Sequence[str]) -> list[StoredCommand | None]:
        found = await self._submissions.find({"_id": {"$in": list(command_ids)}}).to_list(None)
        kept = {stored["_id"]: _kept_of(stored) for stored in found}
        return [kept.get(command_id) for command_id in command_ids]

    async def _add(self, several: Sequence[StoredCommand]) -> list[bool]:
        return await add_all(self._submissions, [_stored_of(kept) for kept in several])

    async def _answer(self, answers: Sequence[tuple[str, str]]) -> list[bool]:
        result = await self._submissions.bulk_write(
            [
                UpdateOne({"_id": command_id, "answer": None}, {"$set": {"answer": answer}})
                for command_id, answer in answers
            ],
            ordered=False,
        )
        # It is told how many were the first, and not which.
        return [result.matched_count == len(answers)] * len(answers)


def _stored_of(kept: StoredCommand) -> dict[str, Any]:
    record = kept.record
    return {
        "_id": kept.command_id,
        "client": kept.client,
        "request": kept.request,
        "record": [record.topic, record.key, record.value, [[name, value] for name, value in record.headers]],
        "answer": kept.answer,
    }


def _kept_of(stored: Mapping[str, Any]) -> StoredCommand:
    topic, key, value, headers = stored["record"]
    return StoredCommand(
        command_id=stored["_id"],
        client=stored["client"],
        request=stored["request"],
        record=Record(topic, bytes(key), bytes(value), tuple((name, bytes(header)) for name, header in headers)),
        answer=stored["answer"],
    )
