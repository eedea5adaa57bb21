"""A database is restored from a backup: with its group reset it catches up, without it is refused."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Final
from uuid import uuid4

import pytest

from services.runtime import exit_codes
from services.runtime.kafka.producer import KafkaProducer
from tests.operations import kafka_tools
from tests.operations.harness import Harness, ended, skip_earlier_records
from tests.operations.page_commands import written_with
from tests.operations.test_stop import caught_up, ledgers_of
from tests.restored_database import back_up, restore
from tests.runtime.test_consuming_real import reported

NAME: Final = "restored"


@pytest.fixture
async def log(harness: Harness) -> AsyncIterator[KafkaProducer]:
    log = KafkaProducer(harness.settings, client_id="test", timeout=15)
    yield log
    await log.stop()


async def test_a_restored_database_is_refused_until_its_group_is_reset(
    harness: Harness, log: KafkaProducer, tmp_path: Path
) -> None:
    await skip_earlier_records(harness, NAME)
    cards = [str(uuid4()) for _ in range(10)]
    service = harness.service(NAME)

    async def book(reports: Sequence[int]) -> None:
        service.process.restart()
        service.process.wait_ready()
        await log.publish([reported(card, number, 100) for number in reports for card in cards])
        await caught_up(NAME, log)
        assert service.process.terminate() == exit_codes.DONE

    await book(range(3))
    backup = back_up(harness.engines.mongodb, NAME)
    await book(range(3, 5))
    restore(harness.engines.mongodb, NAME, backup)

    service.process.start()
    assert await ended(service) == exit_codes.UNSAFE_SETTING
    (refused,) = service.logged("runtime.refused")
    assert refused["setting"] == f"the database frikort_{NAME}"
    assert f"behind its consumer group frikort.{NAME}.ledgers" in refused["problem"]
    assert "--reset-offsets --to-earliest" in refused["problem"]

    reset = written_with("kafka-consumer-groups", "--all-topics").replace("<service>.<processors>", f"{NAME}.ledgers")
    done = await asyncio.to_thread(kafka_tools.run_line, reset, harness.engines, tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    service.process.restart()
    service.process.wait_ready()
    await caught_up(NAME, log)
    ledgers = ledgers_of(harness, NAME, cards)
    assert {card: ledgers[card].reported for card in cards} == dict.fromkeys(cards, 500)
    assert service.process.terminate() == exit_codes.DONE
