"""The command that operators use for dead letters."""

from __future__ import annotations

import asyncio
import json
import sys
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from frikort_contracts.cloudevents import Record
from frikort_contracts.topics import EARNINGS
from pymongo import MongoClient

from deploy.local.config import REPOSITORY
from services.balance.processor import LEDGERS
from services.runtime import exit_codes
from services.runtime.kafka.dead_letters.journal import Action, Attribution, Journal, JournalEntry, perform, state_of
from services.runtime.kafka.dead_letters.reader import DeadLetter, read
from services.runtime.kafka.dead_letters.waiting import WaitingDeadLetters
from services.runtime.kafka.producer import KafkaProducer
from services.runtime.kafka.unavailable import KafkaUnavailable
from services.runtime.mongo.driver import connect
from services.runtime.processing.dead_letters import FACTS, Origin, Replay
from services.runtime.settings import KafkaSettings
from tests.operations import command
from tests.operations.harness import Harness, skip_earlier_records
from tests.runtime.test_consuming_real import ledger_of, read_all, reported, running, until_caught_up

WHO = ("--by", "ops on call", "--reason", "case 42")


@dataclass
class CommandResult:
    code: int
    out: str
    err: str

    @property
    def rows(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(self.out)
        return found


async def dead(harness: Harness, *arguments: str, **settings: str) -> CommandResult:
    """``python -m services.runtime.kafka.dead_letters`` with ``arguments``, without a start of the interpreter."""
    return CommandResult(
        *await asyncio.to_thread(command.run, command.DEAD_LETTERS, arguments, harness.environment(**settings))
    )


async def to_dead_letters(harness: Harness, service: str, *records: Record) -> list[DeadLetter]:
    """Let a service of this name send ``records``, which it cannot read, to the dead-letter topic."""
    await skip_earlier_records(harness, service)
    log = KafkaProducer(harness.settings, client_id="test", timeout=15)
    try:
        async with running(service, harness.settings) as runtime:
            await log.publish(records)
            await until_caught_up(runtime, log)
    finally:
        await log.stop()
    return [letter for letter in await read(harness.settings, [EARNINGS], None) if letter.origin.service == service]


def broken(record: Record) -> Record:
    return record._replace(value=b'{"wage": "much"}')


async def test_the_command_is_a_module_that_python_runs(harness: Harness) -> None:
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "services.runtime.kafka.dead_letters", "list", "--service", "nobody",
        cwd=REPOSITORY, env=harness.environment(), stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, _ = await child.communicate()
    assert child.returncode == exit_codes.DONE
    assert out.startswith(b"ORIGIN")


async def test_a_dead_letter_is_listed_shown_corrected_replayed_and_counted_once(
    harness: Harness, tmp_path: Path
) -> None:
    card = str(uuid4())
    good = reported(card, 1, 700)
    (letter,) = await to_dead_letters(harness, "corrected", broken(good))
    origin = str(letter.origin)

    (row,) = (await dead(harness, "list", "--json", "--service", "corrected", "--topic", EARNINGS.name)).rows
    assert (row["origin"], row["state"], row["key"]) == (origin, "waiting", card)
    assert "wage" in row["reason"] or "body" in row["reason"]
    table = await dead(harness, "list", "--service", "corrected")
    assert origin in table.out
    assert '"much"' not in table.out, "bodies are shown by show alone"
    shown = await dead(harness, "show", origin)
    assert '{"wage": "much"}' in shown.out
    assert "header  ce_id: " in shown.out

    still_broken = await dead(harness, "replay", origin, *WHO, "--body", "pyproject.toml")
    assert (still_broken.code, "still breaks its contract" in still_broken.err) == (exit_codes.NOT_DONE, True)
    body = tmp_path / "corrected.json"
    body.write_bytes(good.value)
    replayed = await dead(harness, "replay", origin, *WHO, "--body", str(body))
    assert (replayed.code, replayed.out) == (exit_codes.DONE, f"{origin} replayed\n")
    assert '"event": "dead_letters.action"' in replayed.err
    assert '"by": "ops on call"' in replayed.err

    twice = await dead(harness, "replay", origin, *WHO)
    assert (twice.code, "is already replayed" in twice.err) == (exit_codes.NOT_DONE, True)
    again = await dead(harness, "replay", origin, *WHO, "--again", "--body", str(body))
    assert again.code == exit_codes.DONE
    back = [r for r in await read_all(harness.settings, EARNINGS.name) if r.key == card.encode()]
    replays = [Replay(letter.origin, number).record(good.key, good.value, good.headers) for number in (1, 2)]
    assert back == [broken(good), *replays], "key, headers and ce_id are the original's"

    log = KafkaProducer(harness.settings, client_id="test", timeout=15)
    async with running("corrected", harness.settings) as runtime:
        await until_caught_up(runtime, log)
        assert (await ledger_of(runtime, card)).reported == 700
    await log.stop()

    assert (await dead(harness, "list", "--json", "--service", "corrected")).rows == []
    (row,) = (await dead(harness, "list", "--json", "--service", "corrected", "--all")).rows
    assert row["state"] == "replayed"
    assert (await dead(harness, "show", origin)).out.count("history ") == 4


async def test_a_topic_is_replayed_in_order_without_its_discarded_records(harness: Harness) -> None:
    card = str(uuid4())
    letters = await to_dead_letters(harness, "whole", *(broken(reported(card, number, 1)) for number in range(4)))
    discarded = await dead(harness, "discard", str(letters[1].origin), *WHO)
    assert discarded.code == exit_codes.DONE
    for other in await read(harness.settings, [EARNINGS], None):
        if other.origin.service != "whole":
            await settle(harness, other)
    replayed = await dead(harness, "replay", "--topic", EARNINGS.name, "--all", *WHO)
    assert replayed.out.splitlines() == [f"{letters[n].origin} replayed" for n in (0, 2, 3)]
    assert (await dead(harness, "replay", "--topic", EARNINGS.dead, "--all", *WHO)).out == ""


async def test_all_dead_letters_of_a_topic_are_discarded(harness: Harness) -> None:
    await to_dead_letters(harness, "discarded", *(broken(reported(str(uuid4()), number, 1)) for number in range(3)))
    discarded = await dead(harness, "discard", "--topic", EARNINGS.name, "--all", *WHO)
    assert discarded.out.count("@discarded.ledgers discarded\n") == 3
    assert (await dead(harness, "list", "--json", "--topic", EARNINGS.name)).rows == []
    assert (await dead(harness, "discard", "--topic", EARNINGS.name, "--all", *WHO)).out == ""


@pytest.mark.verify
async def test_a_poison_record_stays_one_dead_letter_of_each_reader_after_any_number_of_replays(
    harness: Harness,
) -> None:
    names, replays = ("storm-one", "storm-two"), 4
    poison = broken(reported(str(uuid4()), 1, 1))
    log = KafkaProducer(harness.settings, client_id="test", timeout=15)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(log.stop)
        for name in names:
            await skip_earlier_records(harness, name)
        runtimes = [await stack.enter_async_context(running(name, harness.settings)) for name in names]
        counters = [WaitingDeadLetters(harness.settings, Journal(r.client), r.readers) for r in runtimes]

        async def waiting() -> tuple[list[str], list[int]]:
            """The origins that are listed as waiting, and the metric of each reader, when all records are read."""
            for runtime in runtimes:
                await until_caught_up(runtime, log)
            rows = [row for n in names for row in (await dead(harness, "list", "--json", "--service", n)).rows]
            assert {row["state"] for row in rows} <= {"waiting"}
            return [row["origin"] for row in rows], [sum((await counter.count()).values()) for counter in counters]

        await log.publish([poison])
        origins, counts = await waiting()
        assert (len(origins), counts) == (2, [1, 1])
        for _ in range(replays):
            assert (await dead(harness, "replay", *origins, *WHO)).code == exit_codes.DONE
            assert await waiting() == (origins, counts)
        assert (await dead(harness, "discard", *origins, *WHO)).code == exit_codes.DONE
        assert await waiting() == ([], [0, 0])
    sent = [r for r in await read_all(harness.settings, EARNINGS.name) if r.key == poison.key]
    rejected = [r for r in await read_all(harness.settings, EARNINGS.dead) if r.key == poison.key]
    assert (len(sent), len(rejected)) == (1 + 2 * replays, 2 + 2 * replays)


async def settle(harness: Harness, letter: DeadLetter) -> None:
    client = connect(harness.settings.mongodb)
    log = KafkaProducer(KafkaSettings(kafka="127.0.0.1:1"), client_id="test", timeout=1)
    attribution = Attribution("a test", "to have it out of the way", letter.time)
    try:
        await perform(letter, "discard", attribution, journal=Journal(client), log=log, again=True)
    finally:
        client.close()


async def test_an_interrupted_replay_is_listed_and_can_be_repeated(harness: Harness) -> None:
    (letter,) = await to_dead_letters(harness, "interrupted", broken(reported(str(uuid4()), 1, 1)))
    client = connect(harness.settings.mongodb)
    nowhere = KafkaProducer(KafkaSettings(kafka="127.0.0.1:1"), client_id="test", timeout=1)
    attribution = Attribution("a test", "Kafka went away in the middle", letter.time)
    with pytest.raises(KafkaUnavailable):
        await perform(letter, "replay", attribution, journal=Journal(client), log=nowhere)
    client.close()
    (row,) = (await dead(harness, "list", "--json", "--service", "interrupted")).rows
    assert row["state"] == "replaying"
    assert (await dead(harness, "replay", str(letter.origin), *WHO)).code == exit_codes.DONE
    (row,) = (await dead(harness, "list", "--json", "--service", "interrupted", "--all")).rows
    assert row["state"] == "replayed"


async def test_a_record_sent_to_the_dead_letter_topic_twice_is_one_dead_letter(harness: Harness) -> None:
    (letter,) = await to_dead_letters(harness, "twice", broken(reported(str(uuid4()), 1, 1)))
    copy = next(r for r in await read_all(harness.settings, EARNINGS.dead) if r.key == letter.key)
    log = KafkaProducer(harness.settings, client_id="test", timeout=15)
    await log.publish([copy, copy._replace(headers=())])
    await log.stop()
    found = [item for item in await read(harness.settings, [EARNINGS], None) if item.key == letter.key]
    assert [item.origin for item in found] == [letter.origin]


async def test_original_headers_with_the_names_of_dead_letter_headers_are_kept(harness: Harness) -> None:
    headers = tuple((name, b"forged") for name in FACTS)
    record = Record(EARNINGS.name, str(uuid4()).encode(), b"{}", headers)
    (letter,) = await to_dead_letters(harness, "forged", record)
    replay = letter.replayed(1)
    assert replay._replace(headers=replay.headers[:-1]) == record


@pytest.mark.parametrize(
    ("arguments", "settings", "code", "says"),
    [
        (("replay", "frikort.earnings.v1/0/999999@a.b", *WHO), {}, exit_codes.NOT_FOUND, "no dead letter"),
        (("replay", "frikort.unknown.v1/0/9@a.b", *WHO), {}, exit_codes.NOT_FOUND, "no topic frikort.unknown.v1"),
        (("show", "17"), {}, 2, "is not an origin"),
        (("replay", *WHO), {}, 2, "name one origin or more"),
        (("discard", "frikort.earnings.v1/0/9@a.b", "--by", "x"), {}, 2, "--reason"),
        (("discard", "t/0/9@a.b", "--by", "x", "--reason", "citizen 010190-1234"), {}, 2, "CPR"),
        (("list",), {"kafka": "127.0.0.1:1"}, exit_codes.CANNOT_START, "Kafka at 127.0.0.1:1 does not answer"),
        (
            ("list",),
            {"mongodb": "mongodb://127.0.0.1:1/?replicaSet=x&serverSelectionTimeoutMS=500"},
            exit_codes.CANNOT_START,
            "MongoDB does not answer",
        ),
        (("list",), {"mongodb": "mongodb://127.0.0.1:1/"}, exit_codes.UNSAFE_SETTING, "replicaSet"),
    ],
)  # fmt: skip
async def test_a_failed_command_has_an_exit_code_and_a_clear_message(
    harness: Harness, arguments: tuple[str, ...], settings: dict[str, str], code: int, says: str
) -> None:
    said = await dead(harness, *arguments, **settings)
    assert said.code == code, said.err
    assert says in said.err
    assert "Traceback" not in said.err


async def test_the_journal_is_append_only(harness: Harness) -> None:
    (letter,) = await to_dead_letters(harness, "journal", broken(reported(str(uuid4()), 1, 1)))
    await settle(harness, letter)
    await settle(harness, letter)
    with MongoClient[dict[str, Any]](harness.engines.mongodb) as client:
        entries = list(client["frikort_operations"]["dead_letter_actions"].find({"origin": str(letter.origin)}))
    assert [entry["_id"].removeprefix(f"{letter.origin} ") for entry in entries] == [
        "1 begun", "1 done", "2 begun", "2 done",
    ]  # fmt: skip
    assert {entry["by"] for entry in entries} == {"a test"}


def entry(number: int, action: Action, *, done: bool) -> JournalEntry:
    return JournalEntry("o", number, action, done, "w", "y", datetime(2025, 1, 1, tzinfo=UTC), None)


@pytest.mark.parametrize(
    ("entries", "rejected", "state"),
    [
        ([(1, "replay", False), (1, "replay", True)], 1, "waiting"),
        ([(1, "replay", False)], 1, "waiting"),
        ([(1, "replay", True), (2, "replay", False)], 1, "replaying"),
        ([(1, "replay", True), (2, "replay", True)], 1, "replayed"),
        ([(1, "replay", True), (2, "discard", True)], 1, "discarded"),
        ([(1, "replay", False), (2, "replay", True)], 2, "waiting"),
    ],
)
def test_a_dead_letter_whose_replay_is_rejected_waits_again(
    entries: list[tuple[int, Action, bool]], rejected: int, state: str
) -> None:
    assert state_of([entry(number, action, done=done) for number, action, done in entries], rejected) == state


@pytest.mark.parametrize(
    ("entries", "state"),
    [
        ([], "waiting"),
        ([(1, "replay", False)], "replaying"),
        ([(1, "replay", False), (1, "replay", True)], "replayed"),
        ([(1, "replay", False), (2, "replay", False), (2, "replay", True)], "replayed"),
        ([(1, "discard", False)], "discarding"),
        ([(1, "discard", False), (1, "discard", True), (2, "replay", False)], "discarded"),
        ([(1, "discard", True), (2, "replay", True)], "replayed"),
    ],
)
def test_the_journal_gives_the_state_of_a_dead_letter(entries: list[tuple[int, Action, bool]], state: str) -> None:
    assert state_of([entry(number, action, done=done) for number, action, done in entries]) == state


@pytest.mark.parametrize("text", ["", "t", "t/1", "t/1/2", "t/x/2@s.p", "t/1/2@s", "t/1/2@s.p "])
def test_an_invalid_origin_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not an origin"):
        Origin.parse(text)


def test_an_origin_is_parsed_as_it_is_printed() -> None:
    origin = Origin("frikort.earnings.v1", 3, 17, "balance", LEDGERS.name)
    assert Origin.parse(str(origin)) == origin
