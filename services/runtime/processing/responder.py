"""Answers messages from what is stored, without changing it.

An answer is about the moment at which it is made. A second delivery of a message may therefore have another answer,
which then has another id: ids follow from the content.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Sequence
from hashlib import sha256
from itertools import count
from typing import Any, Final
from uuid import uuid5

from frikort_contracts.cloudevents import BrokenContract, Envelope, Record, decode, encode, to_json_bytes
from frikort_contracts.messages import Event
from frikort_contracts.topics import Topic, source_of

from services.runtime.processing.apply import Incoming
from services.runtime.processing.batch_processor import BatchResult, rejected
from services.runtime.processing.dead_letters import replay_in
from services.runtime.processing.positions import Offsets
from services.runtime.processing.producer import Producer

Answer = Callable[[Sequence[Envelope[Any]]], Awaitable[Sequence[Event | None]]]
"""The answer to each message; None to a message that is for another reader."""

Sleep = Callable[[float], Awaitable[None]]

_CHECKS: Final = 10
_SECONDS_BETWEEN_CHECKS: Final = 0.2


class NotCaughtUp(TimeoutError):
    """The service has not processed everything yet. Retryable."""


async def catch_up(
    ends: Callable[[], Awaitable[Offsets]],
    committed: Callable[[], Awaitable[Offsets]],
    sleep: Sleep,
    *,
    checks: int | None = _CHECKS,
) -> None:
    """Wait until the service has processed, and published the events of, all records that exist at this moment.

    ``ends`` gives the end of each partition that it reads, ``committed`` what its consumer group has committed. Raises
    ``NotCaughtUp`` after two seconds; with ``checks=None`` never.
    """
    needed = await ends()
    for _ in count() if checks is None else range(checks):
        done = await committed()
        if all(done.get(partition, 0) >= end for partition, end in needed.items()):
            return
        await sleep(_SECONDS_BETWEEN_CHECKS)
    raise NotCaughtUp("the service is behind")


class Responder:
    """Publishes the answers to the messages of a topic; a ``BatchHandler``. ``writer`` is the source of the answers."""

    def __init__(
        self, *, service: str, name: str, writer: str, topic: Topic, answer: Answer, producer: Producer
    ) -> None:
        self.name = name
        self._service = service
        self._source = source_of(writer)
        self._topic = topic
        self._answer = answer
        self._producer = producer

    @property
    def reader(self) -> str:
        """``<service>.<name>``, as metrics and dead letters have it."""
        return f"{self._service}.{self.name}"

    @property
    def topics(self) -> Collection[str]:
        """The name of the topic."""
        return (self._topic.name,)

    async def process(self, batch: Sequence[Incoming]) -> BatchResult:
        """Answer the messages of a batch. Invalid records become dead letters. Raises the errors of the ports."""
        messages: list[Envelope[Any]] = []
        dead: list[Record] = []
        for incoming in batch:
            replay = replay_in(incoming)
            if replay is not None and replay.origin.reader != self.reader:
                continue
            try:
                messages.append(decode(self._topic, incoming.value, incoming.headers))
            except BrokenContract as reason:
                dead.append(rejected(self._service, self.name, incoming, str(reason)))
        answers = await self._answer(messages) if messages else ()
        records = [
            self._record(message, answer)
            for message, answer in zip(messages, answers, strict=True)
            if answer is not None
        ]
        await self._producer.publish([*dead, *records])
        return BatchResult(applied=len(messages), published=len(records), dead=len(dead))

    def revoked(self) -> None:
        """Nothing is kept between batches."""

    def _record(self, message: Envelope[Any], answer: Event) -> Record:
        content = sha256(to_json_bytes(answer)).hexdigest()
        return encode(
            Envelope(
                id=uuid5(message.id, f"{self.reader}/{content}"),
                time=message.time,
                source=self._source,
                data=answer,
                correlation_id=message.correlation_id,
                causation_id=message.id,
                traceparent=message.traceparent,
            )
        )
