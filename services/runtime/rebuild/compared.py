"""Compares the documents of a processor with the topics while its service runs, and replaces those that differ.

A processor emits events and keeps what cannot be made again, so its collection is not replaced. The documents are built
beside (``<name>_rebuilt``), by a rule that emits nothing, and each is compared with the one in place when both have
applied the same records. A document that differs is replaced by a write that its version guards, and its card publishes
again by a message. See ``docs/decisions/0057-documents-of-processors-are-compared.md``.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, Generic, NamedTuple, Protocol, TypeVar
from uuid import uuid4

from frikort_contracts.cloudevents import encode

from services.runtime.envelopes import new_envelope
from services.runtime.kafka.consumer import group_of
from services.runtime.mongo.applied_positions import MongoAppliedPositions
from services.runtime.mongo.document_store import MongoStore
from services.runtime.mongo.driver import close, connect_for_processing, durable_database
from services.runtime.mongo.job_store import MongoDocumentIds
from services.runtime.mongo.whole_documents import WholeDocument, WholeDocuments
from services.runtime.operator_commands import write
from services.runtime.processing.batch_processor import BatchProcessor
from services.runtime.processing.jobs import DEFAULT_RATE
from services.runtime.processing.preparation import NotYetKnown
from services.runtime.rebuild.beside import COLLECTION, SUFFIX, cache_for, now_text
from services.runtime.rebuild.claim import Claim
from services.runtime.rebuild.replay import POLL_SECONDS, Discarded, RebuildStopped, Replay, Report, has_reached
from services.runtime.rebuild.verdict import Unexplained, Verdict

if TYPE_CHECKING:
    from frikort_contracts.messages import Message

    from services.runtime.mongo.driver import Database
    from services.runtime.processing.decision import DocumentSet, Processor
    from services.runtime.processing.positions import Offsets
    from services.runtime.settings import RuntimeSettings

_PAGE: Final = 200
_AT_ONCE: Final = 50
_CACHED: Final = 10_000
_PREPARED: Final = 50_000
_MOST_ROUNDS: Final = 20

S = TypeVar("S", bound=Any)
R = TypeVar("R", bound=Any)


class Comparison(Protocol[S, R]):
    """How the documents of a processor follow from the topics.

    ``documents`` are those in place. ``replayed`` builds documents of the same ids again; it emits nothing.
    """

    @property
    def documents(self) -> Processor[S]: ...

    @property
    def replayed(self) -> Processor[R]: ...

    async def prepare(self, wrong: Collection[str]) -> None:
        """Read what ``compare`` needs about these documents, which differ."""
        ...

    def compare(self, document_id: str, in_place: S | None, rebuilt: R | None) -> Verdict[S]:
        """Compare two states, all of whose entries are known. Raises ``Unexplained`` and ``NotYetKnown``."""
        ...

    def messages(self, state: S) -> Sequence[Message]:
        """The messages by which the service publishes again what the state says."""
        ...


@dataclass
class Counts:
    """Documents by what was done about them."""

    equal: int = 0
    inserted: int = 0
    replaced: int = 0
    published: int = 0
    removed: int = 0
    unexplained: int = 0
    changing: int = 0

    @property
    def is_complete(self) -> bool:
        """Whether everything in place is right now."""
        return not self.unexplained and not self.changing

    def __str__(self) -> str:
        return (
            f"{self.equal:,} documents are equal, {self.replaced:,} replaced, {self.inserted:,} inserted, "
            f"{self.published:,} published again, {self.removed:,} removed, {self.unexplained:,} unexplained, "
            f"{self.changing:,} not compared"
        )


class _Pair(NamedTuple, Generic[S, R]):
    in_place: WholeDocument[S]
    rebuilt: WholeDocument[R]

    @property
    def versions(self) -> tuple[int, int]:
        return self.in_place.document.version, self.rebuilt.document.version


Suspects = dict[str, tuple[int, int]]
"""Documents that differ, and the versions of both sides at that moment."""


class ComparedRebuild(Generic[S, R]):
    """The rebuild of the documents of one processor.

    ``processors`` are all of the service: with its name they give its consumer group. ``removes``: also remove
    documents that no record on the topics is about; otherwise they are counted. ``prepare`` creates the indexes that
    the readers of a collection need, beyond those of its documents.
    """

    def __init__(
        self,
        service: str,
        comparison: Comparison[S, R],
        processors: Sequence[DocumentSet[Any]],
        settings: RuntimeSettings,
        *,
        removes: bool = False,
        prepare: Callable[[Database], Awaitable[None]] | None = None,
        report: Report = write,
    ) -> None:
        self._service = service
        self._comparison = comparison
        self._settings = settings
        self._removes = removes
        self._prepare = prepare
        self._report = report
        self._name = comparison.documents.name
        self._client = connect_for_processing(settings.mongodb_uri)
        self._database = durable_database(self._client, f"frikort_{service}")
        self._rebuilds = self._database[COLLECTION]
        self._beside = replace(comparison.replayed, name=self._name + SUFFIX)
        self._in_place = WholeDocuments(self._database, comparison.documents)
        self._rebuilt = WholeDocuments(self._database, self._beside)
        self._applied = MongoAppliedPositions(self._database, group_of(service, processors))
        self._replay = Replay(service, self._name, comparison.replayed, settings, report)
        self._claim = Claim(self._rebuilds, self._name, report)
        self.counts = Counts()

    async def run(self, *, every: float = 5.0) -> Counts:
        """Rebuild. ``every``: seconds between two lines of progress. Raises ``RebuildStopped``."""
        try:
            await self._replay.kafka.start()
            async with self._claim.held():
                await self._rebuild(every)
            return self.counts
        finally:
            await self._replay.kafka.stop()
            await close(self._client)

    async def _rebuild(self, every: float) -> None:
        # They may have been dropped.
        await MongoStore(self._database, self._comparison.documents).prepare()
        if self._prepare is not None:
            await self._prepare(self._database)
        run = await self._begin()
        await self._replay.start(self._handler(), run["run"])
        try:
            ends = await self._replay.until_applied(every)
            await self._publish_again(run.get("publish", []))
            suspects = await self._compare_all(every)
            for _ in range(_MOST_ROUNDS):
                if not suspects:
                    break
                await self._until_both_have_applied_the_same(every)
                suspects = await self._decide(suspects)
            self.counts.changing = len(suspects)
            await self._until_both_have_applied_the_same(every)
        finally:
            await self._replay.stop()
        await self._claim.check()
        await self._rebuilds.update_one({"_id": self._name}, {"$set": {"done": True, "ended_at": now_text()}})
        await self._drop()
        records = self._replay.progress.records(ends)
        self._report(f"{self._name}: rebuilt from {records:,} records: {self.counts}")

    async def _begin(self) -> Mapping[str, Any]:
        """The run that was interrupted, or a new one."""
        found = await self._rebuilds.find_one({"_id": self._name})
        is_there = [index async for index in self._database[self._beside.name].list_indexes()]
        if found is not None and not found["done"] and is_there:
            self._report(f"{self._name}: continues the rebuild of {found['started_at']}")
            return found
        new = {"_id": self._name, "run": uuid4().hex, "started_at": now_text(), "done": False, "publish": []}
        if found is not None and not found["done"]:
            new["publish"] = found.get("publish", [])
        await self._drop()
        await MongoStore(self._database, self._beside).prepare()
        await self._rebuilds.replace_one({"_id": self._name}, new, upsert=True)
        return new

    async def _drop(self) -> None:
        await self._database[self._beside.name].drop()
        await self._database[f"{self._beside.name}_entries"].drop()

    def _handler(self) -> BatchProcessor[R]:
        return BatchProcessor(
            service=self._service,
            processor=self._comparison.replayed,
            store=MongoStore(self._database, self._beside),
            producer=Discarded(),
            cache=cache_for(self._beside, _CACHED),
            dead_letter_limit=self._settings.dead_letter_limit,
        )

    async def _until_both_have_applied_the_same(self, every: float) -> None:
        """Wait for the service, and then for the documents beside: for what it has published meanwhile as well.

        A document that differed before this, and has the same version on both sides after it, has applied the same
        records on both sides: all of the topics at its beginning, and no later one.
        """
        await self._until_service_has_applied(await self._replay.ends(), every)
        await self._replay.until(await self._replay.ends(), every)

    async def _until_service_has_applied(self, ends: Offsets, every: float) -> None:
        said = moved = time.monotonic()
        before: Offsets = {}
        while not has_reached(applied := await self._applied.read(), ends):
            now = time.monotonic()
            if applied != before:
                before, moved = applied, now
            if now - moved > self._settings.stall_timeout:
                raise RebuildStopped(f"{self._service} applies nothing: is it running, and of this release?")
            if now - said >= every:
                left = sum(max(0, end - applied.get(partition, 0)) for partition, end in ends.items())
                self._report(f"{self._name}: waits until {self._service} has applied {left:,} records")
                said = now
            await asyncio.sleep(POLL_SECONDS)

    async def _compare_all(self, every: float) -> Suspects:
        """Compare every document of either side at any moment: those that are equal need no more."""
        suspects: Suspects = {}
        total = await self._database[self._name].estimated_document_count()
        last, count = time.monotonic(), 0
        async for ids in self._pages():
            for document_id, pair in (await self._read(ids, are_neighbours=True)).items():
                if self._is_right(document_id, pair):
                    self.counts.equal += 1
                else:
                    suspects[document_id] = pair.versions
            count += len(ids)
            if time.monotonic() - last >= every:
                differ = f"{len(suspects):,} differ so far"
                self._report(f"{self._name}: {count:,} of {total:,} documents compared, {differ}")
                last = time.monotonic()
        return suspects

    async def _pages(self) -> AsyncIterator[list[str]]:
        """The ids of both sides, in order."""
        sides = [MongoDocumentIds(self._database, name) for name in (self._name, self._beside.name)]
        cursor: str | None = None
        while True:
            found = [await side.after(cursor, _PAGE) for side in sides]
            until = min((ids[-1] for ids in found if len(ids) == _PAGE), default=None)
            page = sorted({each for ids in found for each in ids if until is None or each <= until})
            if page:
                yield page
            if until is None:
                return
            cursor = until

    async def _read(self, ids: Sequence[str], *, are_neighbours: bool = False) -> dict[str, _Pair[S, R]]:
        in_place = await self._in_place.read(ids, are_neighbours=are_neighbours)
        rebuilt = await self._rebuilt.read(ids, are_neighbours=are_neighbours)
        return {each: _Pair(in_place[each], rebuilt[each]) for each in ids}

    def _is_right(self, document_id: str, pair: _Pair[S, R]) -> bool:
        mine, theirs = pair.in_place.document.state, pair.rebuilt.document.state
        if not self._in_place.has_its_entries(pair.in_place):
            return False
        if mine is None and theirs is not None:
            return False
        try:
            verdict = self._verdict(document_id, pair)
        except (NotYetKnown, Unexplained):
            return False
        return verdict.is_same and not verdict.must_publish

    async def _decide(self, suspects: Suspects) -> Suspects:
        """Look at the suspects again. Returns those that have changed, or were written meanwhile."""
        left: Suspects = {}
        for many in _in_pages(sorted(suspects), _PREPARED):
            await self._comparison.prepare(many)
            for some in _in_pages(many, _AT_ONCE):
                left |= await self._decide_some(some, suspects)
        return left

    async def _decide_some(self, ids: Sequence[str], suspects: Suspects) -> Suspects:
        left: Suspects = {}
        wrong: dict[str, _Pair[S, R]] = {}
        for document_id, pair in (await self._read(ids)).items():
            if pair.versions == suspects[document_id]:
                wrong[document_id] = pair
            elif self._is_right(document_id, pair):
                self.counts.equal += 1
            else:
                left[document_id] = pair.versions
        return left | await self._correct(wrong)

    async def _correct(self, wrong: Mapping[str, _Pair[S, R]]) -> Suspects:
        """Correct documents that have applied the same on both sides. Returns those that must be read again."""
        left, verdicts = Suspects(), dict[str, Verdict[S]]()
        for document_id, pair in wrong.items():
            try:
                verdicts[document_id] = self._verdict(document_id, pair)
            except NotYetKnown:
                left[document_id] = pair.versions
            except Unexplained as why:
                self._unexplained(document_id, str(why))
        publish = [each for each, verdict in verdicts.items() if verdict.must_publish]
        await self._claim.check()
        # A run that is interrupted after the writes publishes when it continues.
        await self._note(publish)
        for document_id, verdict in verdicts.items():
            if (again := await self._write(document_id, wrong[document_id], verdict)) is not None:
                left[document_id] = again
        await self._publish_again([each for each in publish if each not in left])
        await self._note([])
        return left

    def _verdict(self, document_id: str, pair: _Pair[S, R]) -> Verdict[S]:
        return self._comparison.compare(document_id, pair.in_place.document.state, pair.rebuilt.document.state)

    async def _write(self, document_id: str, pair: _Pair[S, R], verdict: Verdict[S]) -> tuple[int, int] | None:
        """Put in place what the verdict says. Returns the versions of both sides if it must be looked at again."""
        in_place, documents = pair.in_place, self._in_place
        if verdict.is_same and documents.has_its_entries(in_place):
            self.counts.equal += not verdict.must_publish
        elif documents.has_recent_entries(in_place):
            await documents.move_out(in_place)
            version, beside = pair.versions
            return version + 1, beside
        elif verdict.state is None and not self._removes:
            self._unexplained(document_id, "no record on the topics is about it")
        elif verdict.state is None:
            if not await documents.remove(in_place):
                return pair.versions
            self.counts.removed += 1
        else:
            if not await documents.replace(_for_insert(pair), verdict.state):
                return pair.versions
            is_new = in_place.document.version == 0
            self.counts.inserted += is_new
            self.counts.replaced += not is_new
        return None

    def _unexplained(self, document_id: str, why: str) -> None:
        self._report(f"{self._name}: {document_id}: {why}")
        self.counts.unexplained += 1

    async def _note(self, ids: Sequence[str]) -> None:
        await self._rebuilds.update_one({"_id": self._name}, {"$set": {"publish": list(ids)}})

    async def _publish_again(self, ids: Sequence[str]) -> None:
        for some in _in_pages(ids, _AT_ONCE):
            found = await self._in_place.read(some)
            states = [whole.document.state for whole in found.values() if whole.document.state is not None]
            messages = [message for state in states for message in self._comparison.messages(state)]
            if messages:
                records = [encode(new_envelope(message, writer=self._service)) for message in messages]
                await self._replay.kafka.publish(records)
            self.counts.published += len(states)
            await asyncio.sleep(len(some) / DEFAULT_RATE)


def _for_insert(pair: _Pair[S, R]) -> WholeDocument[S]:
    """The document in place. One that is new has applied what the one beside has, so nothing is encrypted twice."""
    in_place, rebuilt = pair
    if in_place.document.version:
        return in_place
    return in_place._replace(document=replace(in_place.document, applied=rebuilt.document.applied))


def _in_pages(ids: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    return (ids[start : start + size] for start in range(0, len(ids), size))
