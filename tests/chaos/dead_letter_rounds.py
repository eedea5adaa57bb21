"""Faults of single records: what can never be written, and a poison record whose dead letters are replayed."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final
from uuid import uuid4

from aiokafka import AIOKafkaProducer
from frikort_contracts.access import OPERATOR
from frikort_contracts.balance import CapWarningRaised, Threshold
from frikort_contracts.cloudevents import Envelope, Record, encode
from frikort_contracts.topics import EARNINGS, topic_of

from services.runtime.kafka.dead_letters.journal import Attribution, Journal, perform
from services.runtime.kafka.dead_letters.reader import DeadLetter as Letter
from services.runtime.kafka.dead_letters.reader import read
from services.runtime.kafka.producer import KafkaProducer
from services.runtime.mongo.driver import connect
from services.runtime.settings import RuntimeSettings
from tests.chaos.readers import readers_of
from tests.chaos.round_context import RoundContext
from tests.chaos.timing import until
from tests.chaos.topic_contents import DeadLetter, Place
from tests.sources import source_for

_UNWRITABLE: Final = 3
_REPLAYS: Final = 3
_WITHIN: Final = 60.0
_MORE_THAN_64_BITS: Final = 2**63


async def publish_at(log: KafkaProducer, record: Record, *, partition: int) -> Place:
    """Publish the record to a partition. Returns its position."""
    async with AIOKafkaProducer(**log.options) as producer:
        sent = await producer.send_and_wait(
            record.topic, value=record.value, key=record.key, headers=list(record.headers), partition=partition
        )
    return Place(record.topic, sent.partition, sent.offset)


async def unwritable(on: RoundContext) -> None:
    """Publish valid events whose documents MongoDB never takes. Each becomes a dead letter and stops nothing."""
    for partition in range(_UNWRITABLE):
        warning = CapWarningRaised(
            card_id=str(uuid4()),
            year=2025,
            revision=_MORE_THAN_64_BITS,
            threshold=Threshold.NEAR,
            allowance=1,
            reported=1,
        )
        place = await publish_at(on.log, _encoded(warning), partition=partition)
        (reader,) = readers_of(topic_of(CapWarningRaised))
        on.dead.add(DeadLetter(*reader, place))


async def replay_storm(on: RoundContext) -> None:
    """Replay a poison record that every reader of its topic rejects, again and again. Each keeps one dead letter."""
    place = await publish_at(on.log, Record(EARNINGS.name, b"poison", b"\x00\xff{", ()), partition=0)
    readers = readers_of(EARNINGS)
    on.dead |= {DeadLetter(*reader, place) for reader in readers}
    system = on.environment.system
    settings = RuntimeSettings(
        environment="local",
        topic_replication=1,
        mongodb=system.mongodb_access.uri(OPERATOR),
        **system.access.fields(OPERATOR),  # type: ignore[arg-type]  # pydantic reads the texts
    )
    client = connect(settings.mongodb)
    log = KafkaProducer(settings, client_id="chaos", timeout=settings.publish_timeout)
    try:
        for replay in range(_REPLAYS):
            letters = await _rejected(settings, place, replay, len(readers))
            for letter in letters:
                attribution = Attribution("chaos", "a replay storm", datetime.now(UTC))
                await perform(letter, "replay", attribution, journal=Journal(client), log=log)
        await _rejected(settings, place, _REPLAYS, len(readers))
    finally:
        await log.stop()
        client.close()


async def _rejected(settings: RuntimeSettings, place: Place, replay: int, count: int) -> list[Letter]:
    """The dead letters of a record, when each reader has rejected this replay of it."""
    found: list[Letter] = []

    async def all_are_there() -> bool:
        letters = await read(settings, [EARNINGS], None)
        found[:] = [each for each in letters if _place(each) == place and each.replay == replay]
        return len(found) == count

    await until(all_are_there, within=_WITHIN, what=f"{count} dead letters of replay {replay}")
    return found


def _place(letter: Letter) -> Place:
    return Place(letter.origin.topic, letter.origin.partition, letter.origin.offset)


def _encoded(event: CapWarningRaised) -> Record:
    message_id = uuid4()
    source = source_for(event)
    return encode(Envelope(id=message_id, time=datetime.now(UTC), source=source, data=event, correlation_id=message_id))
