"""Real Kafka and MongoDB, alone and under the launcher with stand-in services."""

import contextlib
import json
import signal
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from joserfc import jwt
from joserfc.jwk import KeySet
from pymongo import MongoClient
from pymongo.write_concern import WriteConcern

from deploy.local import kafka, kafka_users, keys
from deploy.local.config import Config, default_cache
from deploy.local.engines import Engines
from deploy.local.errors import LauncherError
from deploy.local.kafka_users import KafkaAccess
from deploy.local.ports import free_port
from deploy.local.progress import Silent
from deploy.local.system import LocalSystem, Service
from tests.deploy.test_process import eventually, gone

STANDINS = (
    Service("gateway", "tests.deploy.standin", ("FRIKORT_ENCRYPTION_KEYS", "FRIKORT_LOOKUP_KEY", "FRIKORT_JWKS_URL")),
    Service("balance", "tests.deploy.standin"),
)


async def produce_one(access: KafkaAccess, value: bytes) -> None:
    admin = AIOKafkaAdminClient(**access.options())
    await admin.start()
    try:
        await admin.create_topics([NewTopic("engines", num_partitions=1, replication_factor=1)])
    finally:
        await admin.close()
    producer = AIOKafkaProducer(**access.options(), acks="all", enable_idempotence=True)
    await producer.start()
    try:
        await producer.send_and_wait("engines", value, key=b"card")
    finally:
        await producer.stop()


async def consume_one(access: KafkaAccess) -> bytes | None:
    consumer = AIOKafkaConsumer(**access.options(), auto_offset_reset="earliest")
    await consumer.start()
    try:
        consumer.assign([TopicPartition("engines", 0)])
        value: bytes | None = (await consumer.getone()).value
        return value
    finally:
        await consumer.stop()


def in_a_command_line(word: str) -> bool:
    """Whether the command line of any process contains `word`."""

    def command_line(process: Path) -> bytes:
        with contextlib.suppress(OSError):  # it has ended
            return (process / "cmdline").read_bytes()
        return b""

    return any(word.encode() in command_line(process) for process in Path("/proc").glob("[0-9]*"))


def majority(uri: str) -> Any:
    client: MongoClient[dict[str, Any]] = MongoClient(uri)
    return client["engines"].get_collection("things", write_concern=WriteConcern(w="majority", j=True))


async def test_kafka_and_mongodb_keep_their_data_and_leave_no_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A record and a document survive a stop and a start at other ports, in a path with Danish letters."""
    monkeypatch.setenv("LC_ALL", "C")
    data, cache = tmp_path / "Rød grød", tmp_path / "Lånte æbler"
    cache.symlink_to(default_cache())
    with Engines(Config(data, cache)) as engines:
        pids = [process.pid for process in engines.processes.values()]
        await produce_one(engines.access, b"kept")
        things = majority(engines.mongodb)
        things.insert_one({"_id": "kept"})
        things.database.client.close()
    assert all(gone(pid) for pid in pids)
    assert (data / "kafka" / "meta.properties").is_file()

    with Engines(Config(data, cache)) as engines:
        assert await consume_one(engines.access) == b"kept"
        things = majority(engines.mongodb)
        assert things.find_one({"_id": "kept"}) is not None
        things.database.client.close()
    assert not in_a_command_line(str(tmp_path))


def test_the_broker_starts_from_an_archive_of_its_classes(tmp_path: Path) -> None:
    installation = kafka.install(default_cache(), Silent())
    assert installation.classes is not None
    assert installation.classes.exists()
    broker = kafka.process(
        installation,
        data=tmp_path / "kafka",
        log=tmp_path / "log",
        kafka_port=free_port(),
        controller_port=free_port(),
        users=kafka_users.passwords(tmp_path / "keys"),
    )
    assert f"-XX:SharedArchiveFile={installation.classes}" in broker.argv


def test_data_that_was_made_for_other_users_is_reported(tmp_path: Path) -> None:
    data = tmp_path / "kafka"
    data.mkdir()
    (data / "meta.properties").write_text("")
    (tmp_path / "kafka.users").write_text("broker\nissuance\n")
    with pytest.raises(LauncherError, match=f"made for other users.*Delete {tmp_path}"):
        kafka.process(
            kafka.install(default_cache(), Silent()),
            data=data,
            log=tmp_path / "log",
            kafka_port=free_port(),
            controller_port=free_port(),
            users=kafka_users.passwords(tmp_path / "keys"),
        )


@pytest.fixture(scope="module")
def small_system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalSystem]:
    """The launcher's own system with stand-ins for the services."""
    config = Config(data=tmp_path_factory.mktemp("system"), environment={"FRIKORT_EXTRA": "extra"})
    with LocalSystem(config, services=STANDINS, topics=None) as system:
        yield system


def get(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310  # our own address
        return json.load(answer)


def test_a_service_gets_only_the_settings_that_it_needs(small_system: LocalSystem) -> None:
    gateway = get(f"{small_system.health_url('gateway')}/environment")
    balance = get(f"{small_system.health_url('balance')}/environment")
    assert gateway["FRIKORT_ENVIRONMENT"] == "local"
    assert gateway["FRIKORT_KAFKA"] == small_system.kafka
    assert gateway["FRIKORT_MONGODB"] == small_system.mongodb_access.address
    assert gateway["FRIKORT_MONGODB_USER"] == "gateway"
    assert balance["FRIKORT_MONGODB_USER"] == "balance"
    assert gateway["FRIKORT_JWKS_URL"] == f"{small_system.provider_url}/jwks"
    assert gateway["FRIKORT_LOOKUP_KEY"] == small_system.keys.lookup_key
    assert gateway["FRIKORT_EXTRA"] == "extra"
    assert "FRIKORT_LOGIN_CLIENT_KEY" not in gateway
    assert not {name for name in balance if "KEY" in name}


@pytest.mark.parametrize("person", ["caseworker-849", "payroll-a"])
def test_tokens_are_signed_by_the_provider(small_system: LocalSystem, person: str) -> None:
    published = KeySet.import_key_set(get(f"{small_system.provider_url}/jwks"))
    token = jwt.decode(small_system.token(person), published, algorithms=["ES256"])
    assert token.claims["iss"] == small_system.provider_url
    assert token.claims.items() >= small_system.people[person].claims().items()


def test_a_killed_service_restarts_at_its_address(small_system: LocalSystem) -> None:
    balance = small_system.processes["balance"]
    balance.kill()
    assert balance.exit_code == -signal.SIGKILL
    balance.restart()
    assert get(small_system.health_url("balance"))


def test_a_second_instance_has_its_own_port(small_system: LocalSystem) -> None:
    second = small_system.start_service("balance", instance=2)
    assert small_system.processes["balance-2"] is second
    assert small_system.health_url("balance-2") != small_system.health_url("balance")
    assert get(small_system.health_url("balance-2"))
    with pytest.raises(ValueError, match="exists already"):
        small_system.start_service("balance", instance=2)


def test_a_killed_broker_and_a_killed_database_restart(small_system: LocalSystem) -> None:
    for name in ("kafka", "mongodb"):
        engine = small_system.processes[name]
        engine.kill()
        assert eventually(lambda engine=engine: gone(engine.pid))  # type: ignore[misc]
        engine.restart()


def test_the_data_directory_has_a_log_of_each_process(small_system: LocalSystem) -> None:
    logs = {path.stem for path in (small_system.config.data / "logs").iterdir()}
    assert logs >= {"kafka", "mongodb", "provider", "gateway", "balance"}
    assert (small_system.config.data / "keys").stat().st_mode & 0o077 == 0
    assert keys.load_or_create(small_system.config.data / "keys") == small_system.keys
