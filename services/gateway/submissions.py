"""Where submissions are kept: one for each command id, for ever. What stands in them is sealed or hashed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from pymongo.errors import DuplicateKeyError

from contracts.cloudevents import Record
from services.runtime.store import Database


@dataclass(frozen=True, slots=True)
class Kept:
    """A submission as it is stored: whose it is, what was asked (both hashed), and what is produced for it."""

    command_id: str
    client: str
    request: str
    record: Record
    produced: bool = False
    answer: str | None = None


class Submissions(Protocol):
    """The store of submissions. Its errors are those of pymongo; then nothing is known of what was to be written."""

    async def get(self, command_id: str) -> Kept | None:
        """The submission, as a majority knows it."""
        ...

    async def add(self, kept: Kept) -> bool:
        """Keep a new one durably; False if there is one under this command id."""
        ...

    async def mark_produced(self, command_id: str) -> None:
        """Its record is in the log."""
        ...

    async def add_answer(self, command_id: str, answer: str) -> None:
        """Keep the answer (then it is produced, too), unless there is one: the first stays."""
        ...


class MongoSubmissions:
    """Submissions in MongoDB."""

    def __init__(self, database: Database) -> None:
        self._submissions = database["submissions"]

    async def get(self, command_id: str) -> Kept | None:
        stored = await self._submissions.find_one({"_id": command_id})
        return None if stored is None else _kept_of(stored)

    async def add(self, kept: Kept) -> bool:
        try:
            await self._submissions.insert_one(_stored_of(kept))
        except DuplicateKeyError:
            return False
        return True

    async def mark_produced(self, command_id: str) -> None:
        await self._submissions.update_one({"_id": command_id}, {"$set": {"produced": True}})

    async def add_answer(self, command_id: str, answer: str) -> None:
        await self._submissions.update_one(
            {"_id": command_id, "answer": None}, {"$set": {"answer": answer, "produced": True}}
        )


def _stored_of(kept: Kept) -> dict[str, Any]:
    record = kept.record
    return {
        "_id": kept.command_id,
        "client": kept.client,
        "request": kept.request,
        "record": [record.topic, record.key, record.value, [[name, value] for name, value in record.headers]],
        "produced": kept.produced,
        "answer": kept.answer,
    }


def _kept_of(stored: Mapping[str, Any]) -> Kept:
    topic, key, value, headers = stored["record"]
    return Kept(
        command_id=stored["_id"],
        client=stored["client"],
        request=stored["request"],
        record=Record(topic, bytes(key), bytes(value), tuple((name, bytes(header)) for name, header in headers)),
        produced=stored["produced"],
        answer=stored["answer"],
    )
