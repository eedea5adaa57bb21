"""Load, a backup while the system runs, more load, all engines destroyed, a restore: the books are equal to the øre."""

from __future__ import annotations

import gzip
import time
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient
from frikort_contracts.access import PROVISIONER
from frikort_contracts.topics import FEED_JOBS

from deploy.backup.archive import Archive
from deploy.backup.topics import Topics
from deploy.local.config import Config
from deploy.local.keys import Keys
from deploy.local.system import LocalSystem
from services.runtime.kafka.connection import librdkafka_options
from tests.chaos.journal import Journal
from tests.integration.scene import World
from tests.integration.test_reconciliation import reconcile
from tests.recovery.drill import Clients, destroy, empty_engines, kill_when_begun, run

pytestmark = pytest.mark.verify


def expire(system: LocalSystem) -> int:
    """Delete all records of a topic, as a retention would. Returns how many."""
    settings = system.access.settings()
    ends = {p: end for p, end in Topics(settings).ends().items() if p.topic == FEED_JOBS.name and end}
    admin = AdminClient(librdkafka_options(settings))
    for answer in admin.delete_records([TopicPartition(*p, end) for p, end in ends.items()]).values():
        answer.result()
    return sum(ends.values())


def secrets_of(keys: Keys) -> list[bytes]:
    """The keys of personal data and of sessions, as they are set and as bytes."""
    several = [keys.encryption_keys, *keys.key_encryption_keys.values(), keys.session_keys, keys.audit_log_keys]
    texts = [keys.lookup_key, *(text.partition(":")[2] for text in several)]
    return [text.encode() for text in texts] + [b64decode(text) for text in texts]


def contents_of(backup: Path) -> Iterator[bytes]:
    """The content of every file."""
    for path in backup.rglob("*"):
        if path.is_file():
            yield gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()


@pytest.mark.timeout(600)
async def test_the_books_of_a_restored_system_are_equal_to_the_ore(tmp_path: Path) -> None:
    config, backup, journal = Config(tmp_path / "system"), tmp_path / "backup", Journal()
    random = Random(7)  # noqa: S311  # reproducible
    with LocalSystem(config) as system:
        clients = Clients(system, journal, random)
        async with clients.working(1):
            await clients.acknowledged(300)
        assert (await clients.findings())[0] == []
        await clients.idle()
        assert expire(system) > 0
        async with clients.working(2):
            await clients.acknowledged(100)
            created = run(system.engines, "create", str(backup))
            assert created.code == 0, created.err
            await clients.acknowledged(300)
        before = run(system.engines, "books")
        extended = run(system.engines, "extend", str(backup))
        assert (before.code, extended.code) == (0, 0), (before, extended)
        await clients.close()
        keys = system.keys
    assert run(system.engines, "verify", str(backup)).code == 0
    contents = list(contents_of(backup))
    assert any(next(iter(journal.cards)).encode() in content for content in contents), "they are not compressed"
    assert not [secret for secret in secrets_of(keys) if any(secret in content for content in contents)]
    tail = Archive(backup).parts()[1]
    assert sum(each.records for each in tail.ranges) > 100

    destroy(config)
    with empty_engines(config) as engines:
        kill_when_begun(engines, backup)
        restored = run(engines, "restore", str(backup), user=PROVISIONER)
        assert restored.code == 0, restored.err
        again = run(engines, "restore", str(backup), user=PROVISIONER)
        assert again.code == 1
        assert "have records" in again.err
        ends = Topics(engines.access.settings()).ends()
        assert any(end for partition, end in ends.items() if partition.topic == FEED_JOBS.name)
    started = time.monotonic()
    with LocalSystem(config) as system:
        clients = Clients(system, journal, random)
        await clients.idle()
        caught_up = time.monotonic() - started
        found, topics = await clients.findings()
        assert found == []
        await clients.idle()
        after = run(system.engines, "books")
        assert (after.code, after.out) == (0, before.out)
        result, differences = await reconcile(World(system))
        assert result.cards == len(journal.cards)
        assert (result.differences, result.undecided, differences) == (0, 0, [])
        async with clients.working(3):
            await clients.acknowledged(200)
        assert (await clients.findings())[0] == []
        await clients.close()
    size = sum(path.stat().st_size for path in backup.rglob("*") if path.is_file())
    print(  # noqa: T201
        f"{topics.records} records, {topics.repeated} of them repeated; backup of {size / 1e6:.1f} MB in "
        f"{created.seconds:.1f} s, tail in {extended.seconds:.1f} s; restored in {restored.seconds:.1f} s, "
        f"start and tail {caught_up:.1f} s; {after.out.strip()}"
    )
