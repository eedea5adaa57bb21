"""Where payroll files are kept while and after they are booked, and who works on which: leases by the database's clock.

Taking a file counts its ``attempt`` up, and what is counted on the file names the attempt: a worker that slept through
its lease counts nothing any more. What it may still write on a chunk is what is there already, or would have been.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, Protocol

from frikort_contracts.values import Period
from pymongo import ASCENDING, DESCENDING, IndexModel, ReturnDocument
from pymongo.errors import DuplicateKeyError

from services.gateway.payroll.batch import Batch, Chunk, Plan, Status, Tally
from services.gateway.payroll.booking import LineOutcome, LineSplit
from services.gateway.payroll.lines import OwnEmployment, OwnEmployments
from services.gateway.projections import cards, employments, outcomes, reports
from services.gateway.projections.cards import alias_of_number
from services.runtime.mongo.document_store import Database

_NOW: Final = {"$toLong": "$$NOW"}
_EVER: Final = "9999"


class LeaseLost(RuntimeError):
    """Another worker has taken the file over; what this one still does counts for nothing."""


class Batches(Protocol):
    """The store of payroll files. Its errors are those of pymongo."""

    async def prepare(self) -> None:
        """Make what the files need."""
        ...

    async def get(self, batch_id: str) -> Batch | None:
        """One file, also while it is received."""
        ...

    async def of(self, cvr: str, *, before: str | None, limit: int) -> list[Batch]:
        """The newest ``limit`` files of an employer before the order ``before``."""
        ...

    async def begin(self, batch: Batch) -> bool:
        """Begin to receive; an earlier reception that was not finished counts no more. False if it is acknowledged."""
        ...

    async def add_chunk(self, batch: Batch, chunk: Chunk) -> None:
        """Keep a chunk of what is received."""
        ...

    async def acknowledge(self, batch: Batch) -> bool:
        """All of it is received, and it stands as ``batch`` says. False if another reception took its place."""
        ...

    async def drop(self, batch: Batch) -> None:
        """Nothing came of a reception."""
        ...

    async def change(self, batch_id: str, before: Status, after: Status) -> bool:
        """Change the status; False if it was not ``before``."""
        ...

    async def forget_lines(self, batch_id: str) -> None:
        """Delete all lines."""
        ...

    async def abandoned(self, *, expired_at: datetime, received_before: datetime) -> list[Batch]:
        """Files that were held until they expired, and receptions that began long ago and never ended."""
        ...

    async def waiting(self) -> list[str]:
        """Files to be booked that nobody works on, oldest first."""
        ...

    async def claim(self, batch_id: str) -> Batch | None:
        """Take a file for this worker; None if another was faster."""
        ...

    async def hold_on(self, held: Batch) -> None:
        """Say that the work goes on. Raises ``LeaseLost``."""
        ...

    async def let_go(self, held: Batch, *, seconds: float) -> None:
        """Leave the file to whoever takes it after ``seconds``. Raises ``LeaseLost``."""
        ...

    async def chunk(self, batch: Batch, index: int) -> Chunk:
        """A chunk of an acknowledged file. Raises ``LookupError``."""
        ...

    async def take(self, batch: Batch, index: int, plan: Plan) -> Plan:
        """Fix the plan of a chunk, and return the one that stands: the first."""
        ...

    async def settle(self, batch: Batch, index: int, results: str, tally: Tally) -> None:
        """Keep the results of a chunk, unless there are some."""
        ...

    async def count(self, held: Batch, index: int, tally: Tally) -> None:
        """Count a settled chunk on its file, and go on. Raises ``LeaseLost``."""
        ...

    async def finish(self, held: Batch, at: datetime) -> None:
        """Every chunk is counted. Raises ``LeaseLost``."""
        ...


class Books(Protocol):
    """What the read models know, asked for many lines at a time. Nobody is shown anything by it."""

    async def own_employments(self, cvr: str, ids: Collection[str], numbers: Collection[str]) -> OwnEmployments:
        """The employer's own employments with these ids, and on the cards that have these numbers now."""
        ...

    async def revisions(self, card_ids: Collection[str]) -> dict[str, int]:
        """The revision at which each card is known."""
        ...

    async def outcomes(self, command_ids: Collection[str]) -> dict[str, LineOutcome]:
        """The outcomes that there are."""
        ...

    async def splits(self, report_ids: Collection[str]) -> dict[str, LineSplit]:
        """The splits that there are of reports that are known."""
        ...


class MongoBatches:
    """Payroll files in MongoDB. ``lease`` is in seconds: how long a worker may be silent."""

    def __init__(self, database: Database, *, lease: float) -> None:
        self._batches = database["report_batches"]
        self._chunks = database["report_batch_chunks"]
        self._lease_ms = int(lease * 1000)

    async def prepare(self) -> None:
        await self._batches.create_indexes(
            [
                IndexModel([("cvr", ASCENDING), ("order", DESCENDING)]),
                IndexModel([("status", ASCENDING), ("order", ASCENDING)]),
            ]
        )
        await self._chunks.create_indexes([IndexModel([("batch_id", ASCENDING)])])

    async def get(self, batch_id: str) -> Batch | None:
        stored = await self._batches.find_one({"_id": batch_id})
        return None if stored is None else Batch.model_validate(stored)

    async def of(self, cvr: str, *, before: str | None, limit: int) -> list[Batch]:
        query = {"cvr": cvr, "order": {"$lt": before or _EVER}, "status": {"$ne": Status.RECEIVING.value}}
        found = self._batches.find(query).sort("order", DESCENDING).limit(limit)
        return [Batch.model_validate(stored) for stored in await found.to_list(None)]

    async def begin(self, batch: Batch) -> bool:
        return await self._replace({"_id": batch.batch_id, "status": Status.RECEIVING.value}, batch, upsert=True)

    async def add_chunk(self, batch: Batch, chunk: Chunk) -> None:
        ids = {"_id": _chunk_id(batch, chunk.index), "batch_id": batch.batch_id, "upload": batch.upload}
        await self._chunks.insert_one({**ids, **chunk.model_dump(mode="json")})

    async def acknowledge(self, batch: Batch) -> bool:
        query = {"_id": batch.batch_id, "upload": batch.upload, "status": Status.RECEIVING.value}
        if not await self._replace(query, batch, upsert=False):
            return False
        await self._forget_other_receptions(batch)
        return True

    async def drop(self, batch: Batch) -> None:
        await self._chunks.delete_many({"batch_id": batch.batch_id, "upload": batch.upload})
        query = {"_id": batch.batch_id, "upload": batch.upload, "status": Status.RECEIVING.value}
        await self._batches.delete_one(query)

    async def change(self, batch_id: str, before: Status, after: Status) -> bool:
        query = {"_id": batch_id, "status": before.value}
        result = await self._batches.update_one(query, {"$set": {"status": after.value}})
        return bool(result.matched_count)

    async def forget_lines(self, batch_id: str) -> None:
        await self._chunks.delete_many({"batch_id": batch_id})

    async def abandoned(self, *, expired_at: datetime, received_before: datetime) -> list[Batch]:
        query = {
            "$or": [
                {"status": Status.HELD.value, "expires_at": {"$lte": expired_at}},
                {"status": Status.RECEIVING.value, "created_at": {"$lt": received_before}},
            ]
        }
        return [Batch.model_validate(stored) for stored in await self._batches.find(query).to_list(None)]

    async def waiting(self) -> list[str]:
        query = {"status": Status.BOOKING.value, **_LEASE_IS_OVER}
        found = self._batches.find(query, {"_id": 1}).sort("order", ASCENDING)
        return [stored["_id"] for stored in await found.to_list(None)]

    async def claim(self, batch_id: str) -> Batch | None:
        stored = await self._batches.find_one_and_update(
            {"_id": batch_id, "status": Status.BOOKING.value, **_LEASE_IS_OVER},
            [{"$set": {"attempt": {"$add": ["$attempt", 1]}, "lease_until": self._until(self._lease_ms)}}],
            return_document=ReturnDocument.AFTER,
        )
        return None if stored is None else Batch.model_validate(stored)

    async def hold_on(self, held: Batch) -> None:
        await self._write(held, {})

    async def let_go(self, held: Batch, *, seconds: float) -> None:
        await self._write(held, {"lease_until": self._until(int(seconds * 1000))})

    async def chunk(self, batch: Batch, index: int) -> Chunk:
        stored = await self._chunks.find_one({"_id": _chunk_id(batch, index)})
        if stored is None:
            raise LookupError(f"chunk {index} of the file {batch.batch_id} is gone")
        return Chunk.model_validate(stored)

    async def take(self, batch: Batch, index: int, plan: Plan) -> Plan:
        stored = await self._chunks.find_one_and_update(
            {"_id": _chunk_id(batch, index), "plan": None},
            {"$set": {"plan": plan.model_dump(mode="json")}},
            projection={"plan": 1},
            return_document=ReturnDocument.AFTER,
        )
        if stored is not None:
            return plan
        standing = (await self.chunk(batch, index)).plan
        if standing is None:
            raise LookupError(f"chunk {index} of the file {batch.batch_id} was taken and was not")
        return standing

    async def settle(self, batch: Batch, index: int, results: str, tally: Tally) -> None:
        query = {"_id": _chunk_id(batch, index), "results": None}
        await self._chunks.update_one(query, {"$set": {"results": results, "tally": tally.model_dump()}})

    async def count(self, held: Batch, index: int, tally: Tally) -> None:
        await self._write(held, {f"counted.{index}": {"$literal": tally.model_dump()}})

    async def finish(self, held: Batch, at: datetime) -> None:
        await self._forget_other_receptions(held)
        await self._write(held, {"status": Status.DONE.value, "finished_at": at})

    async def _forget_other_receptions(self, batch: Batch) -> None:
        await self._chunks.delete_many({"batch_id": batch.batch_id, "upload": {"$ne": batch.upload}})

    async def _replace(self, query: Mapping[str, Any], batch: Batch, *, upsert: bool) -> bool:
        document = {"_id": batch.batch_id, **batch.model_dump()}
        try:
            result = await self._batches.replace_one(query, document, upsert=upsert)
        except DuplicateKeyError:
            return False
        return bool(result.matched_count) or result.upserted_id is not None

    async def _write(self, held: Batch, fields: Mapping[str, Any]) -> None:
        """Change the file under this worker's lease, which begins anew."""
        fence = {"_id": held.batch_id, "attempt": held.attempt, "status": Status.BOOKING.value}
        change = {"lease_until": self._until(self._lease_ms), **fields}
        if (await self._batches.update_one(fence, [{"$set": change}])).matched_count == 0:
            raise LeaseLost(f"file {held.batch_id}, attempt {held.attempt}")

    @staticmethod
    def _until(milliseconds: int) -> dict[str, Any]:
        return {"$add": [_NOW, milliseconds]}


class MongoReadModelQueries:
    """The gateway's read models in MongoDB. Only the fields that are needed are read, and no state is built."""

    def __init__(self, database: Database) -> None:
        self._cards = database[cards.PROJECTION.name]
        self._employments = database[employments.PROJECTION.name]
        self._outcomes = database[outcomes.PROJECTION.name]
        self._reports = database[reports.PROJECTION.name]

    async def own_employments(self, cvr: str, ids: Collection[str], numbers: Collection[str]) -> OwnEmployments:
        by_alias = {alias_of_number(number): number for number in numbers}
        found_cards = self._cards.find({"aliases": {"$in": list(by_alias)}}, {"aliases": 1}) if by_alias else None
        number_of = {
            stored["_id"]: by_alias[alias]
            for stored in ([] if found_cards is None else await found_cards.to_list(None))
            for alias in stored["aliases"]
            if alias in by_alias
        }
        if not ids and not number_of:
            return OwnEmployments()
        asked = [{"_id": {"$in": list(ids)}}, {"state.card_id": {"$in": list(number_of)}}]
        query = {"state.cvr": cvr, "$or": asked}
        fields = {"state.card_id": 1, "state.period": 1}
        own = [_own(stored) for stored in await self._employments.find(query, fields).to_list(None)]
        by_number: dict[str, list[OwnEmployment]] = {}
        for employment in own:
            if employment.card_id in number_of:
                by_number.setdefault(number_of[employment.card_id], []).append(employment)
        return OwnEmployments({employment.employment_id: employment for employment in own}, by_number)

    async def revisions(self, card_ids: Collection[str]) -> dict[str, int]:
        found = self._cards.find({"_id": {"$in": list(card_ids)}}, {"state.revision": 1})
        return {stored["_id"]: stored["state"]["revision"] for stored in await found.to_list(None)}

    async def outcomes(self, command_ids: Collection[str]) -> dict[str, LineOutcome]:
        names = ("report_id", "revision", "already_reported", "problem", "detail")
        fields = {f"state.{name}": 1 for name in names}
        found = self._outcomes.find({"_id": {"$in": list(command_ids)}}, fields)
        return {stored["_id"]: LineOutcome(*_fields(stored["state"], names)) for stored in await found.to_list(None)}

    async def splits(self, report_ids: Collection[str]) -> dict[str, LineSplit]:
        fields = {"state.revision": 1, "state.settlement": 1}
        found = self._reports.find({"_id": {"$in": list(report_ids)}}, fields)
        return {
            stored["_id"]: LineSplit(
                min(stored["state"]["revision"], split["report_revision"]), split["exempt"], split["excess"]
            )
            for stored in await found.to_list(None)
            if (split := stored["state"]["settlement"]) is not None
        }


def _chunk_id(batch: Batch, index: int) -> str:
    return f"{batch.batch_id}:{batch.upload}:{index:05d}"


def _own(stored: Mapping[str, Any]) -> OwnEmployment:
    state = stored["state"]
    return OwnEmployment(stored["_id"], state["card_id"], Period.model_validate(state["period"]))


def _fields(state: Mapping[str, Any], names: Sequence[str]) -> list[Any]:
    return [state[name] for name in names]


_LEASE_IS_OVER: Final = {"$expr": {"$lte": ["$lease_until", _NOW]}}
