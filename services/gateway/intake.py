"""Submissions: a command is stored, then produced, then answered; and one key gives one answer for ever.

The stored record is exactly what is produced, the gateway's time included, so that a retry after a crash sends
identical bytes. A submission has no end date: a payroll file is sent again a month later.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID, uuid5

from pydantic import BaseModel
from pymongo.errors import PyMongoError

from contracts.cloudevents import Envelope, Record, decode, encode
from contracts.messages import Command
from contracts.topics import TOPICS
from services.gateway.auth import Caller
from services.gateway.persons import Persons
from services.gateway.problems import ProblemError
from services.gateway.submissions import Kept, Submissions
from services.runtime.loop import Log

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
    """Takes commands in. ``now`` is the time of a command that enters now."""

    def __init__(
        self, *, submissions: Submissions, log: Log, now: Callable[[], Awaitable[datetime]], persons: Persons
    ) -> None:
        self._submissions = submissions
        self._log = log
        self._now = now
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
        kept = await self._submissions.get(command_id)
        return None if kept is None or kept.client != self._client_of(caller) else self._replayed(kept)

    async def keep_answer(self, submission: Submission, answer: Answer) -> Answer:
        """Keep the answer for replay, and return the one that is kept: the first wins."""
        command_id = submission.command_id
        await self._submissions.add_answer(command_id, self._persons.seal_answer(answer.model_dump_json(), command_id))
        kept = await self._submissions.get(command_id)
        submission.answer = (None if kept is None else self._answer_in(kept)) or answer
        return submission.answer

    async def _earlier(self, ask: Ask) -> Submission | None:
        kept = await self._submissions.get(str(ask.command_id))
        if kept is None:
            return None
        if kept.request != self._fingerprint(ask):
            raise ProblemError("idempotency-key-reused")
        return self._replayed(kept)

    async def _new(self, ask: Ask, build: Build) -> Submission:
        command_id = ask.command_id
        record = encode(
            Envelope(
                id=command_id,
                time=await self._now(),
                source=SOURCE,
                data=await build(command_id),
                correlation_id=command_id,
                traceparent=ask.traceparent,
            )
        )
        kept = Kept(str(command_id), self._client_of(ask.caller), self._fingerprint(ask), record)
        if await self._submissions.add(kept):
            return Submission(command_id=kept.command_id, record=record, produced=False, answer=None, replayed=False)
        earlier = await self._earlier(ask)
        if earlier is None:
            raise LookupError(f"the submission {command_id} is there and is not")
        return earlier

    async def _mark_produced(self, submission: Submission) -> None:
        submission.produced = True
        try:
            await self._submissions.mark_produced(submission.command_id)
        except PyMongoError:
            # The command is in the log; unmarked it is only sent once more, and readers drop what they have seen.
            return

    def _client_of(self, caller: Caller) -> str:
        return self._persons.fingerprint("client", caller.client)

    def _fingerprint(self, ask: Ask) -> str:
        return self._persons.fingerprint("body", ask.method, ask.path, ask.body)

    def _replayed(self, kept: Kept) -> Submission:
        return Submission(
            command_id=kept.command_id,
            record=kept.record,
            produced=kept.produced,
            answer=self._answer_in(kept),
            replayed=True,
        )

    def _answer_in(self, kept: Kept) -> Answer | None:
        if kept.answer is None:
            return None
        return Answer.model_validate_json(self._persons.open_answer(kept.answer, kept.command_id))


def canonical(body: BaseModel | None) -> str:
    """The same text for the same request, however it was written."""
    if body is None:
        return ""
    return json.dumps(body.model_dump(mode="json", exclude_unset=True), sort_keys=True, ensure_ascii=False)
