"""Submissions: a command is stored, then produced, then answered; and one key gives one answer for ever.

The stored record is exactly what is produced, the gateway's time included, so that a retry sends identical bytes, of
which readers count one. A submission has no end date: a payroll file is sent again a month later.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, Final
from uuid import UUID, uuid5

from frikort_contracts.cloudevents import Envelope, Record, decode, encode
from frikort_contracts.messages import Command
from frikort_contracts.topics import TOPICS
from pydantic import BaseModel

from services.gateway.auth import Caller
from services.gateway.commands.store import CommandStore, StoredCommand
from services.gateway.person_encryption import Persons
from services.gateway.problems import ProblemError
from services.runtime.processing.batch_processor import Producer

SOURCE: Final = "/frikort/gateway"
_COMMANDS: Final = UUID("5a4ad5c0-0c2e-4f0e-9a43-8f6f3c1f5d27")
_TOPICS: Final = {topic.name: topic for topic in TOPICS}

Build = Callable[[UUID], Awaitable[Command]]


@dataclass(frozen=True)
class CommandRequest:
    """What a caller asks for, and under which key."""

    caller: Caller
    key: str
    method: str
    path: str
    body: str
    traceparent: str | None = None

    @cached_property
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
    """A command that was accepted, and the record that says it; ``replayed`` if it had been before this request."""

    command_id: str
    envelope: Envelope[Any]
    record: Record
    answer: Answer | None
    replayed: bool


class CommandService:
    """Takes commands in. ``now`` is the time of a command that enters now."""

    def __init__(
        self, *, submissions: CommandStore, log: Producer, now: Callable[[], Awaitable[datetime]], persons: Persons
    ) -> None:
        self._submissions = submissions
        self._log = log
        self._now = now
        self._persons = persons

    async def take(self, ask: CommandRequest, build: Build, *, tried_once: bool = False) -> Submission:
        """Accept what is asked: the earlier submission under the same key, else a new one. Until it is answered, it is
        produced to the log whenever it is asked for.

        ``build`` makes the command and may raise ``ProblemError``; then nothing is kept, and the key stays free.
        ``tried_once``: it leaves traces, so it is not even tried for a key that was used.
        """
        submission = await self._earlier(ask) if tried_once else None
        if submission is None:
            try:
                submission = await self._new(ask, build)
            except ProblemError:
                # What was accepted once is not refused for what has changed since.
                submission = await self._earlier(ask)
                if submission is None:
                    raise
        if submission.answer is None:
            await self._log.publish([submission.record])
        return submission

    async def find(self, command_id: str, caller: Caller) -> Submission | None:
        """A submission of the caller's own."""
        kept = await self._submissions.get(command_id)
        return None if kept is None or kept.client != self._client_of(caller) else self._replayed(kept)

    async def keep_answer(self, submission: Submission, answer: Answer) -> Answer:
        """Keep the answer for replay, and return the one that is kept: the first wins."""
        command_id = submission.command_id
        sealed = self._persons.seal_answer(answer.model_dump_json(), command_id)
        if await self._submissions.add_answer(command_id, sealed):
            submission.answer = answer
        else:
            kept = await self._submissions.get(command_id)
            submission.answer = (None if kept is None else self._answer_in(kept)) or answer
        return submission.answer

    async def _earlier(self, ask: CommandRequest) -> Submission | None:
        kept = await self._submissions.get(str(ask.command_id))
        if kept is None:
            return None
        if kept.request != self._fingerprint(ask):
            raise ProblemError("idempotency-key-reused")
        return self._replayed(kept)

    async def _new(self, ask: CommandRequest, build: Build) -> Submission:
        command_id = ask.command_id
        envelope = Envelope(
            id=command_id,
            time=await self._now(),
            source=SOURCE,
            data=await build(command_id),
            correlation_id=command_id,
            traceparent=ask.traceparent,
        )
        record = encode(envelope)
        kept = StoredCommand(str(command_id), self._client_of(ask.caller), self._fingerprint(ask), record)
        if await self._submissions.add(kept):
            return Submission(kept.command_id, envelope, record, answer=None, replayed=False)
        earlier = await self._earlier(ask)
        if earlier is None:
            raise LookupError(f"the submission {command_id} is there and is not")
        return earlier

    def _client_of(self, caller: Caller) -> str:
        return self._persons.fingerprint("client", caller.client)

    def _fingerprint(self, ask: CommandRequest) -> str:
        return self._persons.fingerprint("body", ask.method, ask.path, ask.body)

    def _replayed(self, kept: StoredCommand) -> Submission:
        record = kept.record
        return Submission(
            command_id=kept.command_id,
            envelope=decode(_TOPICS[record.topic], record.value, record.headers),
            record=record,
            answer=self._answer_in(kept),
            replayed=True,
        )

    def _answer_in(self, kept: StoredCommand) -> Answer | None:
        if kept.answer is None:
            return None
        return Answer.model_validate_json(self._persons.open_answer(kept.answer, kept.command_id))


def canonical(body: BaseModel | None) -> str:
    """The same text for the same request, however it was written."""
    if body is None:
        return ""
    return json.dumps(body.model_dump(mode="json", exclude_unset=True), sort_keys=True, ensure_ascii=False)
