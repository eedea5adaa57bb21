"""The faults on one broker and one database. Each is a coroutine that runs during the load of a round."""

from __future__ import annotations

from frikort_contracts.cloudevents import Headers, Record
from frikort_contracts.topics import TOPICS, Topic

from tests.chaos.dead_letter_rounds import publish_at, replay_storm, unwritable
from tests.chaos.environment import SESSION_SECONDS
from tests.chaos.huge_card import huge_card
from tests.chaos.portal_users import PortalUsers
from tests.chaos.readers import readers_of
from tests.chaos.restored_round import restored
from tests.chaos.rollback_round import rollback
from tests.chaos.rotation_round import rotate_keys
from tests.chaos.round_context import Action, NotPossible, RoundContext
from tests.chaos.timing import for_seconds
from tests.chaos.topic_contents import DeadLetter

_DOWN_SECONDS = 3.0
_ZOMBIE_SECONDS = SESSION_SECONDS + 4.0
# Longer than the publish timeout, so that the producer gives up on records that the broker writes later.
_STALL_SECONDS = 25.0


_IN_TURN = ("balance", "reporting", "projections", "gateway", "issuance", "exports", "payroll")


def kill_one(service: str) -> Action:
    """``kill -9`` of one of two instances; it is restarted after the load."""

    async def action(on: RoundContext) -> None:
        await on.environment.kill(on.environment.random.choice(on.environment.instances(service)))

    return action


async def kill_both(on: RoundContext) -> None:
    """``kill -9`` of both instances of a service at once; each round takes the next service."""
    service = _IN_TURN[on.turn % len(_IN_TURN)]
    on.notes.append(service)
    await on.environment.kill(*on.environment.instances(service))
    await for_seconds(_DOWN_SECONDS)
    await on.environment.start(on.environment.instances(service))


async def kill_portals(on: RoundContext) -> None:
    """``kill -9`` of both instances of the portals while people send forms to them.

    Each person has the answer of a form, or sends the same form again after the restart.
    """
    environment = on.environment
    names = environment.instances("portals")
    async with PortalUsers(environment, on.load) as users:
        await users.begin_to_send()
        await environment.kill(*names)
        on.notes.append(await users.count_answers())
        await for_seconds(_DOWN_SECONDS)
        on.notes.append(await users.count_booked())
        await environment.start(names)
        await users.send_again()


def kill_engine(name: str) -> Action:
    """``kill -9`` of the broker or the database; it is restarted after some seconds."""

    async def action(on: RoundContext) -> None:
        await on.environment.kill(name)
        await for_seconds(_DOWN_SECONDS)
        await on.environment.start([name])

    return action


async def zombie(on: RoundContext) -> None:
    """An instance is frozen until another has its partitions, then resumes."""
    service = _IN_TURN[on.turn % len(_IN_TURN)]
    name = on.environment.random.choice(on.environment.instances(service))
    on.notes.append(service)
    on.environment.freeze(name)
    await for_seconds(_ZOMBIE_SECONDS)
    on.environment.resume(name)
    await for_seconds(2)


def stall(name: str) -> Action:
    """The broker or the database is frozen with its connections open, so clients see half-open connections."""

    async def action(on: RoundContext) -> None:
        on.environment.freeze(name)
        await for_seconds(_STALL_SECONDS)
        on.environment.resume(name)
        await for_seconds(2)

    return action


async def everything(on: RoundContext) -> None:
    """Everything stops gracefully, broker and database last, and starts again in any order."""
    codes = await on.environment.terminate(*on.environment.services())
    await on.environment.terminate(*on.environment.engines())
    on.notes += [f"{name} stopped with {code}" for name, code in codes.items() if code]
    await on.environment.restart_stopped()


async def scale(on: RoundContext) -> None:
    """A third instance of each working service joins in the middle of the load, and leaves again."""
    names = ("issuance", "reporting", "balance", "exports")
    thirds = [f"{name}-3" for name in names]
    for name in names:
        await on.environment.add(name, 3)
    await for_seconds(2)
    codes = await on.environment.terminate(*thirds)
    on.notes += [f"{name} stopped with {code}" for name, code in codes.items() if code]
    for third in thirds:  # a later one starts with the keys of its time
        del on.environment.system.processes[third]


async def rolling(on: RoundContext) -> None:
    """SIGTERM and a new start for every instance, one after the other."""
    for name in on.environment.services():
        codes = await on.environment.terminate(name)
        on.notes += [f"{name} stopped with {code}" for code in codes.values() if code]
        await on.environment.start([name])


async def poison(on: RoundContext) -> None:
    """Publish three invalid records to every topic that a service reads."""
    for topic in TOPICS:
        for number, record in enumerate(_poison(topic)):
            place = await publish_at(on.log, record, partition=number)
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


def disk_full(name: str) -> Action:
    """Fill the disk of the database or broker; when there is space again, start it if it exited."""

    async def action(on: RoundContext) -> None:
        disk = on.disks.get(name)
        if disk is None:
            raise NotPossible(f"the disk of {name} cannot be made small here (mount as root)")
        disk.fill()
        await for_seconds(2 * _DOWN_SECONDS)
        disk.free()
        await for_seconds(_DOWN_SECONDS)  # an engine that has noticed it exits when it has closed its files
        died = not on.environment.process(name).alive
        on.notes.append(f"{name} {'exited' if died else 'survived'}")
        if died:
            on.environment.expected_end(name)
            await on.environment.start([name])

    return action


SINGLE: dict[str, Action] = {
    "kill -9 balance": kill_one("balance"),
    "kill -9 broker": kill_engine("kafka"),
    "zombie": zombie,
    "kill -9 reporting": kill_one("reporting"),
    "kill -9 mongod": kill_engine("mongodb"),
    "poison": poison,
    "unwritable document": unwritable,
    "replay storm": replay_storm,
    "kill -9 both": kill_both,
    "kill -9 gateway": kill_one("gateway"),
    "kill -9 projections": kill_one("projections"),
    "kill -9 payroll": kill_one("payroll"),
    "rolling restart": rolling,
    "kill -9 issuance": kill_one("issuance"),
    "disk full": disk_full("mongodb"),
    "kill -9 exports": kill_one("exports"),
    "scale up and down": scale,
    "everything": everything,
    "stall broker": stall("kafka"),
    "stall mongod": stall("mongodb"),
    "broker's disk full": disk_full("kafka"),
    "kill -9 portals": kill_portals,
    "huge card": huge_card,
    "restored database": restored,
    "rollback": rollback,
    "rotate keys": rotate_keys,
}
"""The kinds of rounds on one broker and one database, in the order of the first pass."""
