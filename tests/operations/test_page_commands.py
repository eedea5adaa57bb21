"""Every command of ``docs/operations.md`` that runs on one machine is run as it is written there."""

from __future__ import annotations

import asyncio
import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Final
from uuid import uuid4

import pytest
from frikort_contracts.messages import Message
from frikort_contracts.topics import EARNINGS

from deploy.local import kafka
from deploy.local.jars import read_lock
from services.runtime import exit_codes
from services.runtime.encryption import Encryptor
from services.runtime.mongo.driver import connect, durable_database
from services.runtime.mongo.job_store import MongoJobStore
from services.runtime.processing.jobs import JobKind
from tests.house_rules.sources import read
from tests.operations import command, kafka_tools
from tests.operations.harness import Harness
from tests.operations.page_commands import COMMANDS, PAGE, commands_of, written
from tests.operations.test_dead_letters import broken, to_dead_letters
from tests.runtime.test_consuming_real import reported
from tests.verify.steps import steps

_ORIGIN: Final = "frikort.earnings.v1/3/0@balance.ledgers"


async def succeeds(harness: Harness, line: str) -> str:
    """Run a line of the page; it must end with 0. Returns what it prints."""
    code, out, err = await asyncio.to_thread(command.run_line, line, harness.environment())
    assert code == exit_codes.DONE, f"{line}: {err or out}"
    return out


def test_the_table_has_the_commands_of_the_page_and_no_others() -> None:
    assert set(commands_of(PAGE.read_text(encoding="utf-8"))) == COMMANDS.keys()


@pytest.mark.parametrize("line", COMMANDS)
def test_the_test_that_runs_a_command_exists(line: str) -> None:
    act = COMMANDS[line]
    path, _, name = act.test.partition("::")
    assert re.search(rf"^(?:async )?def {name}\(", read(path), re.M), act.test


def test_the_tools_of_kafka_have_the_version_of_the_broker() -> None:
    (jar,) = read_lock(kafka_tools.LOCK)
    assert jar.coordinates == f"org.apache.kafka:kafka-tools:{kafka.VERSION}"


def test_commands_are_found_in_blocks_and_in_the_text() -> None:
    page = "Run `python -m a.b` or `x`.\n\n```\n$ make test\nkafka-x --a \\\n    --b\nother\n```\n"
    assert list(commands_of(page)) == ["make test", "kafka-x --a --b", "python -m a.b"]


async def test_amounts_of_a_year_are_entered_confirmed_rejected_and_listed_by_the_commands(harness: Harness) -> None:
    beginning = "python -m services.runtime.years"
    enter, close = written(f"{beginning} enter"), written(f"{beginning} close")
    confirm, reject = written(f"{beginning} confirm"), written(f"{beginning} reject")

    assert "2027/1" in await succeeds(harness, enter)
    assert await succeeds(harness, confirm.replace("NAME", "ANOTHER")) == "2027/1 confirmed and published\n"
    assert "2027-07-01" in await succeeds(harness, f"{enter} --from 2027-07-01")
    assert await succeeds(harness, reject.replace("2027/1", "2027/2")) == "2027/2 rejected\n"
    assert "provisional" in await succeeds(harness, f"{enter.replace(' 2027 ', ' 2028 ')} --provisional")
    await succeeds(harness, close)
    await succeeds(harness, confirm.replace("2027/1", "2025/1").replace("NAME", "ANOTHER"))
    await succeeds(harness, close.replace(" close ", " open "))
    await succeeds(harness, confirm.replace("2027/1", "2025/2").replace("NAME", "ANOTHER"))
    listed = await succeeds(harness, written(f"{beginning} list"))
    assert {"2027/1", "2027/2", "2028/1", "2025/1", "2025/2"} <= set(listed.split())


async def test_a_job_is_started_listed_and_cancelled_by_the_commands(harness: Harness) -> None:
    beginning = "python -m services.exports.jobs"
    job, *_ = (await succeeds(harness, written(f"{beginning} start"))).split()
    assert f"{job}  republish-statements  running" in await succeeds(harness, written(f"{beginning} status"))
    await succeeds(harness, written(f"{beginning} cancel").replace("<id>", job))
    assert f"{job}  republish-statements  cancelled" in await succeeds(harness, written(f"{beginning} status"))

    beginning = "python -m services.issuance.jobs"
    run, *_ = (await succeeds(harness, written(f"{beginning} start"))).split()
    assert f"{run}  reconcile  running" in await succeeds(harness, written(f"{beginning} status"))

    client = connect(harness.settings.mongodb_uri)
    store = MongoJobStore(durable_database(client, "frikort_balance"))
    settling = await store.start(JobKind("settle-a-version", "ledgers", _no_message), rate=1)
    client.close()
    beginning = "python -m services.balance.jobs"
    await succeeds(harness, written(f"{beginning} cancel").replace("<id>", str(settling.job_id)))
    listed = await succeeds(harness, written(f"{beginning} status"))
    assert f"{settling.job_id}  settle-a-version  cancelled" in listed


def _no_message(document_id: str) -> Message:
    raise LookupError(document_id)


async def test_dead_letters_are_listed_shown_replayed_and_discarded_by_the_commands(
    harness: Harness, tmp_path: Path
) -> None:
    beginning = "python -m services.runtime.kafka.dead_letters"
    good = [reported(str(uuid4()), number, 700) for number in range(4)]
    letters = await to_dead_letters(harness, "written", *map(broken, good))
    first, second, third, _ = (str(letter.origin) for letter in letters)
    corrected = tmp_path / "corrected.json"
    # Kafka keeps the order of a key alone: the letters are not in the order in which they were published.
    body = {letter.key: record.value for letter in letters for record in good if record.key == letter.key}
    attribution = written(f"{beginning} replay").partition(_ORIGIN)[2]

    assert first in await succeeds(harness, written(f"{beginning} list"))
    shown = await succeeds(harness, written(f"{beginning} show").replace(_ORIGIN, first))
    assert shown.startswith(f"origin  {first}\n")
    replay = written(f"{beginning} replay").replace(_ORIGIN, first)
    assert await succeeds(harness, replay) == f"{first} replayed\n"
    code, _, err = await asyncio.to_thread(command.run_line, replay, harness.environment())
    assert (code, err.splitlines()[-1]) == (
        exit_codes.NOT_DONE,
        f"{first} is already replayed; repeat it with --again",
    )
    corrected.write_bytes(body[letters[1].key])
    line = written("replay ORIGIN").replace("ORIGIN", second).replace("corrected.json", shlex.quote(str(corrected)))
    assert await succeeds(harness, f"{beginning} {line}{attribution}") == f"{second} replayed\n"
    line = written("discard ORIGIN").replace("ORIGIN...", third)
    assert await succeeds(harness, f"{beginning} {line}{attribution}") == f"{third} discarded\n"
    await succeeds(harness, f"{beginning} {written('replay --topic')}{attribution}")
    await succeeds(harness, f"{beginning} {written('discard --topic')}{attribution}")
    states = await succeeds(harness, f"{beginning} list --all --service written --topic {EARNINGS.name}")
    assert "waiting" not in states


async def test_the_topic_command_can_be_repeated(harness: Harness) -> None:
    line = written("python -m services.runtime.kafka.topics")
    for once in (line, line, f"{line} --check"):
        await succeeds(harness, once)


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
def test_openssl_makes_keys_and_passwords_that_are_accepted() -> None:
    key = subprocess.run(shlex.split(written("openssl rand -base64")), check=True, capture_output=True, text=True)
    Encryptor.from_setting(f"k1:{key.stdout.strip()}")
    password = subprocess.run(shlex.split(written("openssl rand -hex")), check=True, capture_output=True, text=True)
    assert re.fullmatch("[0-9a-f]{64}", password.stdout.strip())


def test_the_limit_of_open_files_can_be_read() -> None:
    found = subprocess.run(["sh", "-c", written("ulimit")], check=True, capture_output=True, text=True)
    assert re.fullmatch(r"\d+|unlimited", found.stdout.strip())


def test_the_named_parts_of_make_verify_exist() -> None:
    names = {step.name for step in steps({})}
    assert {line.partition("ONLY=")[2] for line in COMMANDS if line.startswith("make verify")} <= names
