"""Submissions: a command is stored, then produced, then answered; and one key gives one answer for ever.

The stored record is exactly what is produced, the gateway's time included, so that a retry after a crash sends
identical bytes. A submission has no end date: a payroll file is sent again a month later.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID, uuid5

from pydantic import BaseModel
from pymongo.errors import DuplicateKeyError, PyMongoError

from contracts.cloudevents import Envelope, Record, decode, encode
from contracts.messages import Command
from contracts.topics import TOPICS
from services.gateway.auth import Caller
from services.gateway.clock import Clock
from services.gateway.persons import Persons
from services.gateway.problems import ProblemError
from services.runtime.log import KafkaLog
from services.runtime.store import Database

SOURCE: Final = "/frikort/gateway"
_COMMANDS: Final = UUID("5a4ad5c0-0c2e-4f0e-9a43-8f6f3c1f5d27")
_TOPICS: Final = {topic.name: topic for topic in TOPICS}

Build = Callable[[UUID], Awaitable[Command]]


@dataclass(frozen=True)
class Ask:
    """What a caller asks for, and under which key."""

    caller: Caller
    key: str
    method: str
    path: str
    body: str
    traceparent: str | None = None

    @property
    def command_id(self) -> UUID:
        """The same client with the same key means the same command."""
        return uuid5(_COMMANDS, json.dumps([self.caller.client, self.key]))


class Answer(BaseModel):
    """An answer as it is given, and given again: ``location`` and ``language`` are headers."""

    status: int
    body: dict[str, Any]
    language: str
    location: str | None = None


@dataclass
class Submission:
    """A command that was accepted; ``replayed`` if it had been before this request."""

    command_id: str
    record: Record
    produced: bool
    answer: Answer | None
    replayed: bool

    @property
    def envelope(self) -> Envelope[Any]:
        """The command in the record, with its time."""
        return decode(_TOPICS[self.record.topic], self.record.value, self.record.headers)


class Intake:
    """Takes commands in."""

    def __init__(self, *, database: Database, log: KafkaLog, clock: Clock, persons: Persons) -> None:
        self._submissions = database["submissions"]
        self._log = log
        self._clock = clock
        self._persons = persons

    async def take(self, ask: Ask, build: Build) -> Submission:
        """Accept what is asked: the earlier submission under the same key, else a new one, produced to the log.

        ``build`` makes the command and may raise ``ProblemError``; then nothing is kept, and the key stays free.
        """
        submission = await self._earlier(ask) or await self._new(ask, build)
        if not submission.produced:
            await self._log.publish([submission.record])
            await self._mark_produced(submission)
        return submission

    async def find(self, command_id: str, caller: Caller) -> Submission | None:
        """A submission of the caller's own."""
        stored = await self._submissions.find_one({"_id": command_id, "client": self._client_of(caller)})
        return None if stored is None else self._submission_of(stored, replayed=True)

    async def keep_answer(self, submission: Submission, answer: Answer) -> Answer:
        """Keep the answer for replay, and return the one that is kept: the first wins."""
        sealed = self._persons.seal_answer(answer.model_dump_json(), submission.command_id)
        await self._submissions.update_one(
            {"_id": submission.command_id, "answer": None}, {"$set": {"answer": sealed, "produced": True}}
        )
        stored = await self._submissions.find_one({"_id": submission.command_id}, {"answer": 1})
        kept = answer if stored is None else self._answer_of(submission.command_id, stored["answer"])
        submission.answer = kept or answer
        return submission.answer

    async def _earlier(self, ask: Ask) -> Submission | None:
        command_id = str(ask.command_id)
        stored = await self._submissions.find_one({"_id": command_id})
        if stored is None:
            return None
        if stored["request"] != self._fingerprint(ask):
            raise ProblemError("idempotency-key-reused")
        return self._submission_of(stored, replayed=True)

    async def _new(self, ask: Ask, build: Build) -> Submission:
        command_id = ask.command_id
        record = encode(
            Envelope(
                id=command_id,
                time=await self._clock.now(),
                source=SOURCE,
                data=await build(command_id),
                correlation_id=command_id,
                traceparent=ask.traceparent,
            )
        )
        try:
            await self._submissions.insert_one(
                {
                    "_id": str(command_id),
                    "client": self._client_of(ask.caller),
                    "request": self._fingerprint(ask),
                    "record": _stored_of(record),
                    "produced": False,
                    "answer": None,
                }
            )
        except DuplicateKeyError:
            earlier = await self._earlier(ask)
            if earlier is None:
                raise
            return earlier
        return Submission(command_id=str(command_id), record=record, produced=False, answer=None, replayed=False)

    async def _mark_produced(self, submission: Submission) -> None:
        submission.produced = True
        try:
            await self._submissions.update_one({"_id": submission.command_id}, {"$set": {"produced": True}})
        except PyMongoError:
            # The command is in the log; unmarked it is only sent once more, and readers drop what they have seen.
            return

    def _client_of(self, caller: Caller) -> str:
        return self._persons.fingerprint("client", caller.client)

    def _fingerprint(self, ask: Ask) -> str:
        return self._persons.fingerprint("body", ask.method, ask.path, ask.body)

    def _submission_of(self, stored: dict[str, Any], *, replayed: bool) -> Submission:
        topic, key, value, headers = stored["record"]
        return Submission(
            command_id=stored["_id"],
            record=Record(topic, bytes(key), bytes(value), tuple((name, bytes(header)) for name, header in headers)),
            produced=stored["produced"],
            answer=self._answer_of(stored["_id"], stored["answer"]),
            replayed=replayed,
        )

    def _answer_of(self, command_id: str, sealed: str | None) -> Answer | None:
        return None if sealed is None else Answer.model_validate_json(self._persons.open_answer(sealed, command_id))


def _stored_of(record: Record) -> list[Any]:
    return [record.topic, record.key, record.value, [[name, value] for name, value in record.headers]]


def canonical(body: BaseModel | None) -> str:
    """The same text for the same request, however it was written."""
    if body is None:
        return ""
    return json.dumps(body.model_dump(mode="json", exclude_unset=True), sort_keys=True, ensure_ascii=False)
