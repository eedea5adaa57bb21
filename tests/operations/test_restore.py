"""A database is restored from a backup: with its group reset it catches up, without it is refused."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Final
from uuid import uuid4

import pytest

from services.balance.processor import LEDGERS
from services.runtime import exit_codes
from services.runtime.kafka.producer import KafkaProducer
from tests.operations.harness import Harness, ended, skip_earlier_records
from tests.operations.test_stop import caught_up, ledgers_of
from tests.restored_database import back_up, reset_group, restore
from tests.runtime.test_consuming_real import reported

NAME: Final = "restored"


@pytest.fixture
async def log(harness: Harness) -> AsyncIterator[KafkaProducer]:
    log = KafkaProducer(harness.settings, client_id="test", timeout=15)
    yield log
    await log.stop()


async def test_a_restored_database_is_refused_until_its_group_is_reset(harness: Harness, log: KafkaProducer) -> None:
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

    await reset_group(harness.engines.access, NAME, LEDGERS)
    service.process.restart()
    service.process.wait_ready()
    await caught_up(NAME, log)
    ledgers = ledgers_of(harness, NAME, cards)
    assert {card: ledgers[card].reported for card in cards} == dict.fromkeys(cards, 500)
    assert service.process.terminate() == exit_codes.DONE
