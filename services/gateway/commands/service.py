"""Idempotent submission of commands: each is stored, published, and answered; one key has one response.

The stored record is exactly what is published, with the time of the gateway, so that a retry publishes the same bytes.
Readers count them once. A stored command expires after the longest time in which a payroll file is sent again; then
its id says that it was done, and it is not done again.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property, lru_cache, partial
from typing import Any, Final
from uuid import UUID

from frikort_contracts.cloudevents import Envelope, Record, decode, encode
from frikort_contracts.messages import Command
from frikort_contracts.topics import TOPICS, source_of
from frikort_contracts.uuids import uuid5_text
from pydantic import BaseModel, Field

from services.gateway.auth import Caller
from services.gateway.commands.store import CommandStore, ExpiredCommand, StoredCommand
from services.gateway.person_encryption import Persons
from services.gateway.problems import ProblemError
from services.runtime.processing.producer import Producer

_SOURCE: Final = source_of("gateway")
_COMMANDS: Final = UUID("5a4ad5c0-0c2e-4f0e-9a43-8f6f3c1f5d27").bytes
_CLIENTS: Final = 1000
_TOPICS: Final = {topic.name: topic for topic in TOPICS}

Build = Callable[[UUID], Awaitable[Command]]
"""Builds the command with this id. May raise ``ProblemError``."""
RecordAttempt = Callable[[Envelope[Any]], Awaitable[None]]
"""Writes the command's entry to the audit log, durably. Repeating it changes nothing."""


@dataclass(frozen=True)
class CommandRequest:
    """A request that submits a command, with its idempotency key."""

    caller: Caller
    key: str
    method: str
    path: str
    body: str
    correlation_id: UUID
    traceparent: str | None = None

    @cached_property
    def command_id(self) -> UUID:
        """The id of the command: the same for the same client and key."""
        return UUID(uuid5_text(_COMMANDS, json.dumps([self.caller.client, self.key])))


class CommandResponse(BaseModel):
    """The response to a command, stored for replay. ``location`` and ``language`` are headers.

    ``contact`` is the ciphertext of the contact person that it shows, and is not stored.
    """

    status: int
    body: dict[str, Any]
    language: str
    location: str | None = None
    contact: str | None = Field(default=None, exclude=True)


@dataclass
class Submission:
    """An accepted command and its record. ``replayed``: an earlier request submitted it."""

    command_id: str
    envelope: Envelope[Any]
    record: Record
    response: CommandResponse | None
    replayed: bool


class CommandService:
    """Submits commands. ``now`` gives the time of a new command."""

    def __init__(
        self, *, store: CommandStore, producer: Producer, now: Callable[[], Awaitable[datetime]], persons: Persons
    ) -> None:
        self._store = store
        self._producer = producer
        self._now = now
        self._persons = persons
        self._client_hash = lru_cache(_CLIENTS)(partial(persons.fingerprint, "client"))

    async def submit(
        self,
        request: CommandRequest,
        build: Build,
        record: RecordAttempt,
        *,
        check_key_first: bool = False,
        before_publish: Callable[[Submission], None] | None = None,
    ) -> Submission:
        """Store and publish the command; a command that was submitted under the same key is returned instead.

        It is published when ``record`` has written its audit entry. A command without a response is published again at
        every submission. If ``build`` raises ``ProblemError``, nothing is stored and the key stays free.
        ``check_key_first``: ``build`` has side effects, so it is skipped when the key was used before.
        ``before_publish`` is called once the command is stored and recorded.
        """
        submission = await self._earlier(request) if check_key_first else None
        if submission is None:
            try:
                submission = await self._new(request, build)
            except ProblemError:
                # The state may have changed since an earlier submission under this key was accepted.
                submission = await self._earlier(request)
                if submission is None:
                    raise
        if submission.response is None:
            await record(submission.envelope)
            if before_publish is not None:
                before_publish(submission)
            await self._producer.publish([submission.record])
        return submission

    async def find(self, command_id: str, caller: Caller) -> Submission | None:
        """A command that the caller submitted. Raises ``ProblemError`` if it has expired."""
        stored = await self._store.get(command_id)
        return None if stored is None or not self._is_client(stored, caller) else self._replayed(stored)

    async def store_response(
        self, submission: Submission, response: CommandResponse, person: str | None
    ) -> CommandResponse:
        """Store the response for replay. Returns the stored one: the first response stays.

        ``person`` is the CPR hash of the person that it is about.
        """
        command_id = submission.command_id
        encrypted = self._persons.encrypt_response(response.model_dump_json(), command_id, person, response.contact)
        if await self._store.add_response(command_id, encrypted):
            submission.response = response
        else:
            stored = await self._store.get(command_id)
            earlier = self._response_in(stored) if isinstance(stored, StoredCommand) else None
            submission.response = earlier or response
        return submission.response

    async def _earlier(self, request: CommandRequest) -> Submission | None:
        stored = await self._store.get(str(request.command_id))
        if stored is None:
            return None
        if not self._persons.is_fingerprint(stored.request, *_fingerprinted(request)):
            raise ProblemError("idempotency-key-reused")
        return self._replayed(stored)

    async def _new(self, request: CommandRequest, build: Build) -> Submission:
        command_id = request.command_id
        envelope = Envelope(
            id=command_id,
            time=await self._now(),
            source=_SOURCE,
            data=await build(command_id),
            correlation_id=request.correlation_id,
            traceparent=request.traceparent,
        )
        record = encode(envelope)
        client = self._client_hash(request.caller.client)
        fingerprint = self._persons.fingerprint(*_fingerprinted(request))
        stored = StoredCommand(str(command_id), client, fingerprint, record)
        if await self._store.add(stored):
            return Submission(stored.command_id, envelope, record, response=None, replayed=False)
        earlier = await self._earlier(request)
        if earlier is None:
            raise LookupError(f"command {command_id} exists and cannot be read")
        return earlier

    def _is_client(self, stored: StoredCommand | ExpiredCommand, caller: Caller) -> bool:
        return self._persons.is_fingerprint(stored.client, "client", caller.client)

    def _replayed(self, stored: StoredCommand | ExpiredCommand) -> Submission:
        if isinstance(stored, ExpiredCommand):
            facts = {"command_id": stored.command_id, "result": "accepted" if stored.accepted else "refused"}
            raise ProblemError("answer-expired", facts=facts)
        record = stored.record
        return Submission(
            command_id=stored.command_id,
            envelope=decode(_TOPICS[record.topic], record.value, record.headers),
            record=record,
            response=self._response_in(stored),
            replayed=True,
        )

    def _response_in(self, stored: StoredCommand) -> CommandResponse | None:
        if stored.response is None:
            return None
        # A response that was erased with its person is built again from what is left.
        text = self._persons.decrypt_response(stored.response, stored.command_id)
        return None if text is None else CommandResponse.model_validate_json(text)


def _fingerprinted(request: CommandRequest) -> tuple[str, ...]:
    return "body", request.method, request.path, request.body


def canonical(body: BaseModel | None) -> str:
    """The fields of the request body as JSON, in the order of the model, for the fingerprint."""
    return "" if body is None else body.model_dump_json(exclude_unset=True)
