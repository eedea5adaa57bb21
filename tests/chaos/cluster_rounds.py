"""The faults on three brokers and a replica set of three: leaders are killed, and the API continues."""

from __future__ import annotations

import asyncio
from pathlib import Path
from random import Random
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient
from frikort_contracts.topics import REPORTING_COMMANDS
from pymongo import AsyncMongoClient
from pymongo.errors import PyMongoError

from deploy.local.cluster import Cluster
from deploy.local.kafka_users import KafkaAccess
from tests.chaos.round_context import Action, RoundContext
from tests.chaos.rounds import kill_one, poison, rolling, zombie
from tests.chaos.timing import for_seconds

_DOWN_SECONDS = 5.0
_MOST_BYTES_CUT = 2000


async def kill_leader(on: RoundContext) -> None:
    """``kill -9`` of the broker that leads the first partition of the reporting commands."""
    leader = await _leader_of(on.environment.system.access)
    on.notes.append(f"kafka-{leader}")
    await on.environment.kill(f"kafka-{leader}")
    await for_seconds(_DOWN_SECONDS)
    await on.environment.start([f"kafka-{leader}"])


async def kill_controller(on: RoundContext) -> None:
    """``kill -9`` of the broker that is the active controller."""
    admin = AIOKafkaAdminClient(**on.environment.system.access.options())
    await admin.start()
    try:
        controller = (await admin.describe_cluster())["controller_id"]
    finally:
        await admin.close()
    on.notes.append(f"kafka-{controller}")
    await on.environment.kill(f"kafka-{controller}")
    await for_seconds(_DOWN_SECONDS)
    await on.environment.start([f"kafka-{controller}"])


async def kill_two_brokers(on: RoundContext) -> None:
    """``kill -9`` of two of three brokers: too few in-sync replicas remain, so nothing may be acknowledged."""
    gone = on.environment.random.sample(["kafka-1", "kafka-2", "kafka-3"], 2)
    await on.environment.kill(*gone)
    await for_seconds(_DOWN_SECONDS)
    await on.environment.start(gone)


async def kill_primary(on: RoundContext) -> None:
    """``kill -9`` of the primary; it comes back as a secondary."""
    name = await _primary(on)
    on.notes.append(name)
    await on.environment.kill(name)
    await for_seconds(3 * _DOWN_SECONDS)
    await on.environment.start([name])


async def kill_secondary(on: RoundContext) -> None:
    """``kill -9`` of a secondary: a majority remains, and requests should not be affected."""
    primary = await _primary(on)
    name = on.environment.random.choice(
        [n for n in on.environment.engines() if n.startswith("mongodb") and n != primary]
    )
    await on.environment.kill(name)
    await for_seconds(_DOWN_SECONDS)
    await on.environment.start([name])


async def kill_majority(on: RoundContext) -> None:
    """``kill -9`` of the primary and a secondary: no majority remains, so nothing may be acknowledged."""
    primary = await _primary(on)
    other = on.environment.random.choice(
        [n for n in on.environment.engines() if n.startswith("mongodb") and n != primary]
    )
    await on.environment.kill(primary, other)
    await for_seconds(_DOWN_SECONDS)
    await on.environment.start([primary, other])


async def step_down(on: RoundContext) -> None:
    """Make the primary step down, twice."""
    for _ in range(2):
        before = await _primary(on)
        async with AsyncMongoClient[dict[str, Any]](on.environment.system.mongodb) as client:
            try:
                await client.admin.command("replSetStepDown", 10, secondaryCatchUpPeriodSecs=5)
            except PyMongoError as error:
                on.notes.append(type(error).__name__)  # no secondary had caught up, or the connection was closed
        await asyncio.to_thread(on.environment.process(before).wait_ready)
        await for_seconds(2)


async def all_brokers(on: RoundContext) -> None:
    """``kill -9`` of all three brokers at once."""
    gone = ["kafka-1", "kafka-2", "kafka-3"]
    await on.environment.kill(*gone)
    await for_seconds(_DOWN_SECONDS)
    await on.environment.start(gone)


async def power_loss(on: RoundContext) -> None:
    """Power loss of a leader: data that the broker had not flushed to disk is missing from its log."""
    leader = f"kafka-{await _leader_of(on.environment.system.access)}"
    await on.environment.kill(leader)
    cut = cut_tails(on.environment.system.config.data / leader, on.environment.random)
    on.notes.append(f"{leader} lost the end of {cut} partitions")
    await for_seconds(_DOWN_SECONDS)
    await on.environment.start([leader])


def cut_tails(directory: Path, random: Random) -> int:
    """Truncate the newest segment of each partition of our topics. Returns the number of truncated segments."""
    partitions = [path for path in directory.glob("**/frikort.*-*") if path.is_dir()]
    newest = [max(found) for path in partitions if (found := list(path.glob("*.log")))]
    written = [segment for segment in newest if segment.stat().st_size]
    for segment in written:
        with segment.open("r+b") as file:
            file.truncate(max(0, segment.stat().st_size - random.randint(1, _MOST_BYTES_CUT)))
    return len(written)


async def _leader_of(access: KafkaAccess) -> int:
    admin = AIOKafkaAdminClient(**access.options())
    await admin.start()
    try:
        described = await admin.describe_topics([REPORTING_COMMANDS.name])
    finally:
        await admin.close()
    return int(next(p["leader"] for p in described[0]["partitions"] if p["partition"] == 0))


def _secondaries(on: RoundContext, primary: str) -> list[str]:
    return [name for name in on.environment.engines() if name.startswith("mongodb") and name != primary]


async def _primary(on: RoundContext) -> str:
    async with AsyncMongoClient[dict[str, Any]](on.environment.system.mongodb) as client:
        await client.admin.command("ping")
        address = await client.primary
    engines = on.environment.system.engines
    if address is None or not isinstance(engines, Cluster):
        raise RuntimeError("the replica set has no primary")
    return next(name for name, port in engines.mongodb_ports.items() if port == address[1])


CLUSTER: dict[str, Action] = {
    "kill -9 leader": kill_leader,
    "kill -9 primary": kill_primary,
    "kill -9 controller": kill_controller,
    "kill -9 secondary": kill_secondary,
    "kill -9 two brokers": kill_two_brokers,
    "primary steps down": step_down,
    "kill -9 majority of mongod": kill_majority,
    "kill -9 all brokers": all_brokers,
    "power loss": power_loss,
    "zombie": zombie,
    "kill -9 balance": kill_one("balance"),
    "rolling restart": rolling,
    "poison": poison,
}
"""The kinds of rounds on a cluster, in the order of the first pass."""
