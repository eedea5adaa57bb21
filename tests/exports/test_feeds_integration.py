"""Subscribers in Python and Java rebuild the totals of each feed from the contracts alone: exports as a process.

Through a restart, a new authority that is filled while all runs, and a new key.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sys
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest
from frikort_contracts.access import PROVISIONER
from frikort_contracts.authorities import LOCAL, SETTING, Facts, Feed, to_toml
from frikort_contracts.conformance import differing, digests, figures_of
from frikort_contracts.extract_files import ExtractKind, FileFormat
from frikort_contracts.messages import Event, Message
from frikort_contracts.topics import FEED_TOPICS
from joserfc.jwk import ECKey

from deploy.local import kafka
from deploy.local.config import REPOSITORY, Config, default_cache
from deploy.local.progress import Silent
from deploy.local.system import SERVICES, TOPICS, LocalSystem
from services.runtime.kafka.producer import KafkaProducer
from tests.exports.build import A, B, Ledger, corrected, reported
from tests.exports.test_extract_integration import Topics, a_card, file_of, request
from tests.waiting import SHORT_WAITS, eventually

EXAMPLES: Final = REPOSITORY / "contracts" / "examples"
YEAR: Final = 2025
CARDS: Final = 12
AMOUNTS: Final = (100_000, 4_200_050)
TREASURY: Final = Feed(name="treasury", facts=Facts.TAX, cpr=True)
TOWN: Final = "municipality-849"

pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalSystem]:
    """Exports alone, with a table of authorities in a file."""
    directory = tmp_path_factory.mktemp("feeds")
    table = directory / "authorities.toml"
    table.write_text(to_toml(LOCAL))
    alone = [service for service in SERVICES if service.name == "exports"]
    config = Config(directory / "data", environment={SETTING: str(table), **SHORT_WAITS})
    with LocalSystem(config, services=alone) as system:
        yield system


@dataclass
class Subscriber:
    """The examples, run as an authority's user of the broker."""

    system: LocalSystem
    directory: Path

    async def python(self, authority: str, *, topic: str | None = None, user: str | None = None) -> str:
        """What the example in Python prints."""
        return await _output([sys.executable, EXAMPLES / "feed_totals.py", *self._arguments(authority, topic, user)])

    async def java(self, authority: str) -> str:
        """What the example in Java prints."""
        jars = kafka.install(default_cache(), Silent()).jars
        source = EXAMPLES / "FeedTotals.java"
        return await _output(["java", "-cp", f"{jars}/*", source, *self._arguments(authority, None, None)])

    def _arguments(self, authority: str, topic: str | None, user: str | None) -> list[object]:
        user = user or f"authority-{authority}"
        password = (self.system.config.data / "keys" / "kafka" / user / "password").read_text()
        keys = json.loads(self.system.keys.authority_private_keys.read_text())
        given: list[object] = [self.system.kafka, user, password, topic or FEED_TOPICS[authority].name]
        if authority in keys and authority != "star":
            key = self.directory / f"{authority}.json"
            key.write_text(json.dumps(keys[authority]))
            given.append(key)
        return given


async def _output(command: Sequence[object], environment: Mapping[str, str] | None = None) -> str:
    process = await asyncio.create_subprocess_exec(
        *map(str, command),
        cwd=REPOSITORY,
        env=environment or os.environ,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    output, errors = await process.communicate()
    assert process.returncode == 0, errors.decode()[-2000:]
    return output.decode().strip()


async def _command(system: LocalSystem, *arguments: str, principal: str = "exports") -> str:
    return await _output([sys.executable, "-m", *arguments], system.environment(principal, ()))


@pytest.fixture
async def topics(running: LocalSystem) -> AsyncIterator[Topics]:
    log = KafkaProducer(running.access.settings(), client_id="test-feeds", timeout=20)
    await log.start()
    yield Topics(running, log)
    await log.stop()


def _cards(system: LocalSystem) -> tuple[list[Message], list[str]]:
    """Cards that moved to another municipality, each with two reports of which the second is above the allowance."""
    messages: list[Message] = []
    ids = []
    for _ in range(CARDS):
        cards, balances = a_card(system, YEAR, *AMOUNTS)
        card_id = cards[-1].key
        earnings = [
            reported(f"{card_id}-{index}", cvr, amount, day, year=YEAR, card_id=card_id)
            for index, (cvr, amount, day) in enumerate(zip((A, B), AMOUNTS, ("2025-06-30", "2025-07-31"), strict=True))
        ]
        messages += [*balances, *cards, *earnings]
        ids.append(card_id)
    return messages, ids


def _split_again(card_id: str) -> list[Event]:
    """What balance emits for a correction of the first report that moves no amount."""
    ledger = Ledger(card_id=card_id, year=YEAR)
    for index, (cvr, amount) in enumerate(zip((A, B), AMOUNTS, strict=True)):
        ledger.report(f"{card_id}-{index}", cvr, amount)
    return ledger.report(f"{card_id}-0", A, AMOUNTS[0], report_revision=2)


async def _restart(system: LocalSystem) -> None:
    await asyncio.to_thread(system.processes["exports"].kill)
    await asyncio.to_thread(system.processes["exports"].restart)


async def test_every_feed_can_be_rebuilt_through_a_restart_a_new_authority_and_a_new_key(
    running: LocalSystem, topics: Topics, tmp_path: Path
) -> None:
    if shutil.which("javac") is None:
        pytest.skip("there is no JDK, which compiles the example in Java")
    subscriber = Subscriber(running, tmp_path)
    messages, ids = _cards(running)
    await topics.publish(messages)
    exempt, excess = 4_276_600 * CARDS, (sum(AMOUNTS) - 4_276_600) * CARDS
    wanted = f"{YEAR} {CARDS} {exempt} {excess}"

    async def all_have(expected: str) -> bool:
        return {await subscriber.python(authority) for authority in ("skat", "star", TOWN)} == {expected}

    await eventually(lambda: all_have(wanted), within=90)
    for authority in ("skat", "star", TOWN):
        assert await subscriber.java(authority) == wanted, authority
    assert await subscriber.python("municipality-101") == await subscriber.java("municipality-101") == ""

    # The extract, and the conformance of the two without showing either.
    command = request(ExtractKind.TAX_YEAR, YEAR, await topics.positions())
    await topics.publish([command])
    made = (await topics.extract(command.data.extract_id))[-1].data
    assert (made.count, made.exempt, made.excess) == (CARDS, exempt, excess)
    assert {position.topic for position in made.feed_positions} == {FEED_TOPICS["skat"].name}
    assert sum(position.offset for position in made.feed_positions) >= CARDS
    rows = [json.loads(line) for line in file_of(running, made, FileFormat.JSON_LINES).splitlines()]
    feed = await topics.until(
        FEED_TOPICS["skat"], lambda _: True, lambda found: len({m.data.key for m in found}) == CARDS
    )
    key = os.urandom(32)
    records: list[Any] = [message.data.model_dump() for message in feed]
    assert differing(digests(figures_of(rows), key), digests(figures_of(records), key)) == []

    # A restart, and a correction that only moves a date.
    await _restart(running)
    moved = corrected(f"{ids[0]}-0", A, AMOUNTS[0], "2025-05-31").model_copy(update={"card_id": ids[0]})
    await topics.publish([moved, *_split_again(ids[0])])
    assert await all_have(wanted)

    # A new authority, filled from the beginning while all runs.
    public = json.loads(running.keys.authority_keys.read_text())
    private = json.loads(running.keys.authority_private_keys.read_text())

    def use_key(authority: str) -> None:
        drawn = ECKey.generate_key("P-256", {"use": "enc", "alg": "ECDH-ES"}, auto_kid=True)
        public[authority], private[authority] = drawn.as_dict(private=False), drawn.as_dict(private=True)
        running.keys.authority_keys.write_text(json.dumps(public))
        running.keys.authority_private_keys.write_text(json.dumps(private))

    def use_table(feeds: Sequence[Feed]) -> None:
        Path(running.config.environment[SETTING]).write_text(to_toml(feeds))

    use_key(TREASURY.name)
    use_table((*LOCAL, TREASURY))
    await _command(running, TOPICS, principal=PROVISIONER)
    await _restart(running)
    started = await _command(running, "services.exports.jobs", "start", f"fill-{TREASURY.name}")
    assert TREASURY.name in started

    async def is_filled() -> bool:
        return await subscriber.python(TREASURY.name, topic=TREASURY.topic, user=PROVISIONER) == wanted

    await eventually(is_filled, within=90)

    # A new key of the municipality.
    use_key(TOWN)
    await _restart(running)
    await _command(running, "services.exports.jobs", "start", f"encrypt-cpr-{TOWN}")

    async def opens_with_the_new_key() -> bool:
        try:
            return await subscriber.python(TOWN) == wanted
        except AssertionError:
            return False  # a record has the number for the key before

    await eventually(opens_with_the_new_key, within=90)
    assert await subscriber.java(TOWN) == wanted
