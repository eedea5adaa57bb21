"""What is done to the system, one thing a round. Each is a coroutine that runs while the load does."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from frikort_contracts.cloudevents import Headers, Record
from frikort_contracts.topics import TOPICS, Topic

from services.runtime.kafka.producer import KafkaProducer
from tests.chaos.arena import SESSION_SECONDS, Arena
from tests.chaos.disk import Disk
from tests.chaos.pace import for_seconds
from tests.chaos.reading import readers_of
from tests.chaos.told import DeadLetter, Place

_DOWN_SECONDS = 3.0
_ZOMBIE_SECONDS = SESSION_SECONDS + 4.0
# Longer than a publish may take, so that the producer gives up on records that the broker then still writes.
_STALL_SECONDS = 25.0


class NotPossible(Exception):
    """This machine does not allow what the round needs."""


@dataclass
class Field:
    """What a round acts on. ``turn`` counts the rounds of this kind; ``dead`` are the dead letters to be found."""

    arena: Arena
    log: KafkaProducer
    disks: Mapping[str, Disk] = field(default_factory=dict)
    turn: int = 0
    dead: set[DeadLetter] = field(default_factory=set)
    notes: list[str] = field(default_factory=list)


Act = Callable[[Field], Awaitable[None]]


def kill_one(service: str) -> Act:
    """``kill -9`` of one of the two; it stays away until the load has ended."""

    async def act(on: Field) -> None:
        await on.arena.kill(on.arena.random.choice(on.arena.instances(service)))

    return act


async def kill_both(on: Field) -> None:
    """``kill -9`` of both instances of a service at once; which service goes round."""
    service = ("balance", "reporting", "gateway", "issuance", "exports")[on.turn % 5]
    on.notes.append(service)
    await on.arena.kill(*on.arena.instances(service))
    await for_seconds(_DOWN_SECONDS)
    await on.arena.start(on.arena.instances(service))


def kill_engine(name: str) -> Act:
    """``kill -9`` of the broker or the database, which stays away for some seconds."""

    async def act(on: Field) -> None:
        await on.arena.kill(name)
        await for_seconds(_DOWN_SECONDS)
        await on.arena.start([name])

    return act


async def zombie(on: Field) -> None:
    """An instance stands still until its partitions are another's, then goes on as if nothing had happened."""
    service = ("balance", "reporting", "gateway", "issuance", "exports")[on.turn % 5]
    name = on.arena.random.choice(on.arena.instances(service))
    on.notes.append(service)
    on.arena.freeze(name)
    await for_seconds(_ZOMBIE_SECONDS)
    on.arena.thaw(name)
    await for_seconds(2)


def stall(name: str) -> Act:
    """The broker or the database stands still with its connections open: half-open, neither there nor gone."""

    async def act(on: Field) -> None:
        on.arena.freeze(name)
        await for_seconds(_STALL_SECONDS)
        on.arena.thaw(name)
        await for_seconds(2)

    return act


async def everything(on: Field) -> None:
    """Everything stops in an orderly way, broker and database last, and starts again in no order."""
    codes = await on.arena.terminate(*on.arena.services())
    await on.arena.terminate(*on.arena.engines())
    on.notes += [f"{name} stopped with {code}" for name, code in codes.items() if code]
    await on.arena.heal()


async def scale(on: Field) -> None:
    """A third instance of each working service joins in the middle of the load, and leaves again."""
    system, names = on.arena.system, ("issuance", "reporting", "balance", "exports")
    for name in names:
        third = f"{name}-3"
        if third in system.processes:
            await on.arena.start([third])
        else:
            await on.arena.add(name, 3)
    await for_seconds(2)
    codes = await on.arena.terminate(*(f"{name}-3" for name in names))
    on.notes += [f"{name} stopped with {code}" for name, code in codes.items() if code]


async def rolling(on: Field) -> None:
    """SIGTERM and a new start for every instance, one after the other."""
    for name in on.arena.services():
        codes = await on.arena.terminate(name)
        on.notes += [f"{name} stopped with {code}" for code in codes.values() if code]
        await on.arena.start([name])


async def poison(on: Field) -> None:
    """Three broken records to every topic that anyone reads."""
    for topic in TOPICS:
        for number, record in enumerate(_poison(topic)):
            place = await _placed(on.log, record, topic, partition=number)
            on.dead |= {DeadLetter(service, name, place) for service, name in readers_of(topic)}


def _poison(topic: Topic) -> list[Record]:
    if not readers_of(topic):
        return []
    named: Headers = (("ce_type", topic.messages[0].type.encode()), ("ce_id", b"no uuid"), ("ce_time", b"never"))
    return [
        Record(topic.name, b"poison", b"\x00\xff{", ()),
        Record(topic.name, b"poison", b'{"wage": 1e2}', named),
        Record(topic.name, b"poison", b"{}", (("ce_type", b"\xff\xfe"), *named)),
    ]


async def _placed(log: KafkaProducer, record: Record, topic: Topic, *, partition: int) -> Place:
    """Publish the record, and return where it lies."""
    await log.start()
    if (producer := log.producer) is None:
        raise RuntimeError("the log has no producer after its start")
    sent = await producer.send_and_wait(
        record.topic, value=record.value, key=record.key, headers=list(record.headers), partition=partition
    )
    return Place(topic.name, sent.partition, sent.offset)


def disk_full(name: str) -> Act:
    """Not a byte is left for the database or the broker; when there is again, it is started if it died."""

    async def act(on: Field) -> None:
        disk = on.disks.get(name)
        if disk is None:
            raise NotPossible(f"the disk of {name} cannot be made small here (mount as root)")
        disk.fill()
        await for_seconds(2 * _DOWN_SECONDS)
        died = not on.arena.process(name).alive
        on.notes.append(f"{name} {'died' if died else 'lived'}")
        disk.free()
        if died:
            on.arena.expected_end(name)
            await on.arena.start([name])

    return act


SINGLE: dict[str, Act] = {
    "kill -9 balance": kill_one("balance"),
    "kill -9 broker": kill_engine("kafka"),
    "zombie": zombie,
    "kill -9 reporting": kill_one("reporting"),
    "kill -9 mongod": kill_engine("mongodb"),
    "poison": poison,
    "kill -9 both": kill_both,
    "kill -9 gateway": kill_one("gateway"),
    "rolling restart": rolling,
    "kill -9 issuance": kill_one("issuance"),
    "disk full": disk_full("mongodb"),
    "kill -9 exports": kill_one("exports"),
    "scale up and down": scale,
    "everything": everything,
    "stall broker": stall("kafka"),
    "stall mongod": stall("mongodb"),
    "broker's disk full": disk_full("kafka"),
}
"""The rounds on one broker and one database, in the order in which they come first."""
