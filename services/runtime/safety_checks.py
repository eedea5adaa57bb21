"""Checks at start that no setting can lose data. The error names the setting and a safe value.

Sources: Jepsen's analyses of MongoDB and Kafka, and the defaults of the libraries (aiokafka and FastStream both commit
by themselves, start at the latest record and publish with ``acks=1`` by default).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Final

from frikort_contracts.topics import Topic
from pymongo import MongoClient
from pymongo.errors import ConfigurationError, PyMongoError
from pymongo.uri_parser import parse_uri

from services.runtime import production_checks
from services.runtime.processing.positions import StoreBehind
from services.runtime.settings import CommandSettings, MongoSettings, TopicSettings

MOST_MESSAGE_BYTES: Final = 2 * 1024 * 1024
MOST_DEAD_LETTER_BYTES: Final = MOST_MESSAGE_BYTES + 64 * 1024
"""A dead letter is the original and some headers."""
_PRODUCTION_REPLICAS: Final = 3
_UNLIMITED: Final = -1
_HELLO_MS: Final = 1000
_LOGIN_OPTIONS: Final = ("auth", "tls", "ssl")


class UnsafeSetting(RuntimeError):
    """A setting that can lose acknowledged data, or has another ``risk``. The text names it and the remedy."""

    def __init__(self, setting: str, found: object, put: str, *, risk: str = "can lose acknowledged data") -> None:
        super().__init__(f"{setting} is {found}, which {risk}: {put}")
        self.setting = setting


class UnsafeSettings(UnsafeSetting):
    """Several unsafe settings. The text names each."""

    def __init__(self, several: Sequence[UnsafeSetting]) -> None:
        RuntimeError.__init__(self, "; ".join(map(str, several)))
        self.setting = ", ".join(unsafe.setting for unsafe in several)


def check_settings(settings: CommandSettings) -> None:
    """Check all that needs no server. Raises ``UnsafeSetting`` that names every unsafe setting."""
    if len(found := list(_unsafe(settings))) == 1:
        raise found[0]
    if found:
        raise UnsafeSettings(found)


def _unsafe(settings: CommandSettings) -> Iterator[UnsafeSetting]:
    if isinstance(settings, MongoSettings):
        try:
            check_mongodb_uri(settings.mongodb_uri)
        except OSError as error:
            yield _unreadable("FRIKORT_MONGODB_PASSWORD_FILE", error)
        except UnsafeSetting as unsafe:
            yield unsafe
    if settings.environment != "production":
        return
    if isinstance(settings, TopicSettings) and settings.topic_replication < _PRODUCTION_REPLICAS:
        yield UnsafeSetting(
            "FRIKORT_TOPIC_REPLICATION", settings.topic_replication, f"put {_PRODUCTION_REPLICAS} or more in production"
        )
    try:
        for setting, found, put in production_checks.findings(settings):
            yield UnsafeSetting(setting, found, put, risk="is refused in production")
    except OSError as error:
        yield _unreadable("FRIKORT_KAFKA_PASSWORD_FILE", error)


def _unreadable(setting: str, error: OSError) -> UnsafeSetting:
    remedy = f"let this process read it ({error.strerror})"
    return UnsafeSetting(setting, "unreadable", remedy, risk="prevents the login")


def check_mongodb_uri(uri: str) -> None:
    """Require a replica set and journaled majority writes. Raises ``UnsafeSetting``."""
    try:
        options = _options(parse_uri(uri))
    except (ConfigurationError, ValueError):
        # The driver's error can contain a part of the password.
        raise UnsafeSetting("FRIKORT_MONGODB", "unreadable", "put mongodb://<host>,<host>/?replicaSet=<name>") from None
    if not options.get("replicaset"):
        raise UnsafeSetting("FRIKORT_MONGODB", "without replicaSet", "add replicaSet=<name> to the connection string")
    if (w := options.get("w", "majority")) != "majority":
        raise UnsafeSetting("w in FRIKORT_MONGODB", w, "put w=majority, or leave it out")
    if options.get("journal", True) is not True:
        raise UnsafeSetting("journal in FRIKORT_MONGODB", "false", "put journal=true, or leave it out")
    if options.get("retrywrites", True) is not True:
        raise UnsafeSetting("retryWrites in FRIKORT_MONGODB", "false", "put retryWrites=true, or leave it out")
    if (level := options.get("readconcernlevel", "majority")) not in ("majority", "linearizable"):
        raise UnsafeSetting("readConcernLevel in FRIKORT_MONGODB", level, "put majority, or leave it out")


def check_mongodb_servers(uri: str) -> None:
    """Refuse standalone servers and replica sets with an arbiter. Blocks; skips servers that do not answer.

    The driver ignores a standalone server and would wait for its replica set until it times out. With an arbiter, a
    majority needs one data-bearing server fewer, and the default write concern becomes ``w: 1``.
    Raises ``UnsafeSetting``.
    """
    parsed = parse_uri(uri)
    options = {name: value for name, value in _options(parsed).items() if name.startswith(_LOGIN_OPTIONS)}
    if parsed["username"] is not None:
        options |= {"username": parsed["username"], "password": parsed["password"]}
        options.setdefault("authsource", parsed["database"] or "admin")
    for host, port in parsed["nodelist"]:
        try:
            with MongoClient[dict[str, Any]](
                host, port, directConnection=True, serverSelectionTimeoutMS=_HELLO_MS, **options
            ) as client:
                hello = client.admin.command("hello")
        except PyMongoError:
            continue
        check_hello(f"{host}:{port}", hello)


def _options(parsed: Mapping[str, Any]) -> dict[str, Any]:
    return {name.lower(): value for name, value in parsed["options"].items()}


def check_hello(server: str, hello: Mapping[str, Any]) -> None:
    """Check the answer of one server to ``hello``. Raises ``UnsafeSetting``."""
    if not hello.get("setName") and not hello.get("isreplicaset"):
        raise UnsafeSetting(
            f"the MongoDB server {server}", "a standalone server", "start it with --replSet <name> and initiate the set"
        )
    if arbiters := hello.get("arbiters"):
        raise UnsafeSetting(
            f"the replica set {hello.get('setName')}",
            f"one with an arbiter ({', '.join(arbiters)})",
            "replace the arbiter with a data-bearing member",
        )


COMPACTION_SETTINGS: Final = ("segment.ms", "max.compaction.lag.ms", "delete.retention.ms")
"""The settings that say how long a compacted topic keeps what was deleted."""


def topic_config(name: str, topic: Topic, replication: int) -> dict[str, str]:
    """The settings with which a topic, or its dead-letter topic, loses no records and keeps none that were deleted."""
    compaction: dict[str, str] = {}
    if topic.compacted_within is not None and name == topic.name:
        within = str(int(topic.compacted_within.total_seconds() * 1000))
        compaction = dict.fromkeys(COMPACTION_SETTINGS, within)
    return compaction | {
        "cleanup.policy": topic.cleanup if name == topic.name else "delete",
        "retention.ms": str(_retention_ms(name, topic)),
        "retention.bytes": str(_UNLIMITED),
        "min.insync.replicas": str(max(1, replication - 1)),
        "unclean.leader.election.enable": "false",
        "max.message.bytes": str(MOST_MESSAGE_BYTES if name == topic.name else MOST_DEAD_LETTER_BYTES),
    }


def check_topic(
    name: str,
    topic: Topic,
    *,
    replication: int,
    replicas: Sequence[int],
    config: Mapping[str, str],
) -> None:
    """Compare a topic with the table; ``replicas`` counts them by partition. Raises ``UnsafeSetting``."""
    # More are harmless: the producer uses those of the table (services/runtime/kafka/topics/added_partitions.py).
    if len(replicas) < topic.partitions:
        raise UnsafeSetting(
            f"the number of partitions of {name}",
            len(replicas),
            f"run a release whose topic table has {len(replicas)}; do not add partitions, because that would break the "
            "order of a card's events, and do not delete the topic, because it can hold the books",
            risk=f"is fewer than the {topic.partitions} of the topic table",
        )
    if min(replicas) < replication:
        raise UnsafeSetting(
            f"the replication of {name}", min(replicas), f"raise it to {replication} with kafka-reassign-partitions"
        )
    put = topic_config(name, topic, replication)
    keeps: dict[str, Callable[[str], bool]] = {
        "cleanup.policy": lambda value: value == put["cleanup.policy"],
        "retention.ms": lambda value: _at_least(value, put["retention.ms"]),
        "retention.bytes": lambda value: _at_least(value, put["retention.bytes"]),
        "min.insync.replicas": lambda value: int(value) >= int(put["min.insync.replicas"]),
        "unclean.leader.election.enable": lambda value: value == "false",
        "max.message.bytes": lambda value: int(value) >= int(put["max.message.bytes"]),
        **{setting: partial(_at_most, most=put[setting]) for setting in COMPACTION_SETTINGS if setting in put},
    }
    for setting, is_safe in keeps.items():
        if not is_safe(found := config.get(setting, "")):
            raise UnsafeSetting(
                f"{setting} of {name}",
                found,
                f"kafka-configs --alter --entity-type topics --entity-name {name} "
                f"--add-config {setting}={put[setting]}",
            )


def store_behind(database: str, group: str, found: Sequence[StoreBehind]) -> UnsafeSetting:
    """The refusal of a database whose consumer group has committed records that it has not applied."""
    one = found[0]
    place = f"{one.partition.topic}/{one.partition.partition}"
    more = f", and as in {len(found) - 1} other partitions" if found[1:] else ""
    return UnsafeSetting(
        f"the database {database}",
        f"behind its consumer group {group} (at {one.applied} of {place}, the group at {one.committed}{more})",
        "it was restored from a backup; reset the group: kafka-consumer-groups --group "
        f"{group} --reset-offsets --to-earliest --all-topics --execute",
        risk="leaves records out for good",
    )


def check_producer(options: Mapping[str, Any]) -> None:
    """Require ``acks=all`` and idempotence of an aiokafka producer. Raises ``UnsafeSetting``."""
    if (acks := options.get("acks")) != "all":
        raise UnsafeSetting("acks of the producer", acks, 'put "all"')
    if options.get("enable_idempotence") is not True:
        raise UnsafeSetting("enable_idempotence of the producer", "false", "put true")


def _retention_ms(name: str, topic: Topic) -> int:
    """The retention of a topic: unlimited unless the table limits it; dead letters are never deleted."""
    if name == topic.dead or topic.retention is None:
        return _UNLIMITED
    return int(topic.retention.total_seconds() * 1000)


def _at_most(value: str, most: str) -> bool:
    return int(value) <= int(most)


def _at_least(value: str, least: str) -> bool:
    return int(value) == _UNLIMITED or (int(least) != _UNLIMITED and int(value) >= int(least))
