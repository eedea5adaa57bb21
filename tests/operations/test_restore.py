"""A database is restored from a backup: with its group reset it catches up, without it is refused."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import bson
import pytest
from pymongo import MongoClient

from services.runtime import exit_codes
from services.runtime.kafka.producer import KafkaProducer
from tests.operations import command, kafka_tools
from tests.operations.harness import Harness, Service, ended, skip_earlier_records
from tests.operations.page_commands import written, written_with
from tests.operations.test_stop import caught_up, ledgers_of
from tests.restored_database import back_up, restore
from tests.runtime.test_consuming_real import reported

NAME: Final = "restored"
BALANCE: Final = "balance"
"""The name of its database is that of the table, which a backup copies."""


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
    await book(service, log, NAME, cards, range(3))
    backup = back_up(harness.engines.mongodb, NAME)
    await book(service, log, NAME, cards, range(3, 5))
    restore(harness.engines.mongodb, NAME, backup)

    service.process.start()
    assert await ended(service) == exit_codes.UNSAFE_SETTING
    (refused,) = service.logged("runtime.refused")
    assert refused["setting"] == f"the database frikort_{NAME}"
    assert f"behind its consumer group frikort.{NAME}.ledgers" in refused["problem"]
    assert "--reset-offsets --to-earliest" in refused["problem"]

    await reset_group(harness, NAME, tmp_path)
    await book(service, log, NAME, cards, ())
    ledgers = ledgers_of(harness, NAME, cards)
    assert {card: ledgers[card].reported for card in cards} == dict.fromkeys(cards, 500)


@pytest.mark.verify
async def test_one_database_is_restored_from_a_backup_by_the_command_of_the_page(
    harness: Harness, log: KafkaProducer, tmp_path: Path
) -> None:
    await skip_earlier_records(harness, BALANCE)
    cards = [str(uuid4()) for _ in range(10)]
    service, directory = harness.service(BALANCE), tmp_path / "monday"
    await book(service, log, BALANCE, cards, range(3))
    code, _, err = await page_command(harness, "create", directory)
    assert code == exit_codes.DONE, err
    await book(service, log, BALANCE, cards, range(3, 5))
    assert (await page_command(harness, "extend", directory))[0] == exit_codes.DONE
    await book(service, log, BALANCE, cards, range(5, 7))
    code, _, err = await page_command(harness, "restore", directory, "--only")
    assert (code, "frikort_balance.ledgers" in err) == (exit_codes.NOT_DONE, True), "it has documents"

    with MongoClient[dict[str, Any]](harness.engines.mongodb) as client:
        client.drop_database(f"frikort_{BALANCE}")
    assert (await page_command(harness, "restore", directory, "--only"))[0] == exit_codes.DONE
    ledgers = ledgers_of(harness, BALANCE, cards)
    assert {card: ledgers[card].reported for card in cards} == dict.fromkeys(cards, 500)
    assert set(cards) <= {document["_id"].partition(":")[0] for document in documents_by_hand(directory)}

    await reset_group(harness, BALANCE, tmp_path)
    await book(service, log, BALANCE, cards, ())
    ledgers = ledgers_of(harness, BALANCE, cards)
    assert {card: ledgers[card].reported for card in cards} == dict.fromkeys(cards, 700)


async def book(service: Service, log: KafkaProducer, name: str, cards: Sequence[str], reports: Sequence[int]) -> None:
    """Start the service, let it apply new reports of each card and all that waits, and stop it."""
    service.process.restart()
    service.process.wait_ready()
    await log.publish([reported(card, number, 100) for number in reports for card in cards])
    await caught_up(name, log)
    assert service.process.terminate() == exit_codes.DONE


async def reset_group(harness: Harness, name: str, directory: Path) -> None:
    """As the page says."""
    reset = written_with("kafka-consumer-groups", "--all-topics").replace("<service>.<processors>", f"{name}.ledgers")
    done = await asyncio.to_thread(kafka_tools.run_line, reset, harness.engines, directory)
    assert (done.returncode, done.stderr) == (0, "")


async def page_command(harness: Harness, *words: str | Path) -> tuple[int, str, str]:
    """Run the page's command of a backup with these words, for this directory."""
    name, directory, *options = map(str, words)
    beginning = f"python -m deploy.backup {name} /backup/monday"
    line = written(" ".join([beginning, *options])) if options else beginning
    return await asyncio.to_thread(command.run_line, line.replace("/backup/monday", directory), harness.environment())


def documents_by_hand(directory: Path) -> list[dict[str, Any]]:
    """The ledgers of the first part, read without the command."""
    with gzip.open(directory / "stores" / "000000" / f"frikort_{BALANCE}" / "ledgers.bson.gz") as file:
        return bson.decode_all(file.read())
