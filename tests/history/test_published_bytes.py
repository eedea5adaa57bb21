"""The published records are the same bytes as before, whatever form messages, states and outbox have in memory.

Each digest is of every key, value and header that a processor publishes when it reads a recorded history, or the load
of the benchmark. Another digest is another wire form: contracts/CHANGELOG.md must list it.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from typing import Any, Final

import pytest
from frikort_contracts.cloudevents import Record

from services.balance.processor import LEDGERS
from services.issuance.processor import cards
from services.reporting.processor import card_states
from services.reporting.rules import Rules
from services.runtime.allowance_file import load_allowances
from services.runtime.processing.decision import Processor
from services.runtime.processing.projection import Projection
from services.runtime.settings import REPOSITORY
from tests.bench.events import Load
from tests.history.recording import DIRECTORY, History, read
from tests.runtime.memory import Faults, Instance, MemoryDatabase, MemoryKafka
from tests.simulation.exports import processors as exports_processors

_ALLOWANCES: Final = load_allowances(REPOSITORY / "deploy" / "allowances.toml")
_PROCESSORS: Final[dict[str, Processor[Any] | Projection[Any]]] = {
    "issuance, cards": cards(b"the secret of this test"),
    "reporting, card states": card_states(Rules(_ALLOWANCES, True)),
    "balance, ledgers": LEDGERS,
    **{
        f"exports, {processor.name.replace('_', ' ')}": processor
        for processor in exports_processors(lambda person, _: f"jwe {person.cpr_hash}", _ALLOWANCES)
    },
}
_RECORDED: Final = {
    "0.2.0": {
        "issuance, cards": "ad939867e389a13d0db9ba425a610c23",
        "reporting, card states": "cc6f7363659d700c08b337ce920d4436",
        "balance, ledgers": "5cab280239be2c003b042bb4cc0a0587",
        "exports, statements": "e9687811f805b45e5e29ff2e05efd88a",
        "exports, requests": "89fb5fd5922cc1b724b04bb40f2170e8",
        "exports, extract files": "a072f18cff899059c2c2938712589acf",
        "exports, period extracts": "afd836738b669b3988c92892da4e97c0",
        "exports, reconciliations": "6c938f98525f383834014cf8939fab23",
        "exports, card histories": "bb1d6509c0190001f3ee596a49685472",
        "exports, card feeds": "20ccf8a9a69fe5ab43bec09ffa713b8c",
    },
    "2026-11-28": {
        "issuance, cards": "c3189c27a512a8d1195a2128c1e35202",
        "reporting, card states": "7f300891783e51fb4fdaa16b9437e3ad",
        "balance, ledgers": "e7815e8d68bc907bbae21e2f5a576b56",
        "exports, statements": "29e99db16c9fcb038f06ff4321b148f4",
        "exports, requests": "31f6a8c25e40dc752070d32571865c54",
        "exports, extract files": "6d53203fe6fa4ee077e1a3b0c8408d02",
        "exports, period extracts": "6d53203fe6fa4ee077e1a3b0c8408d02",
        "exports, reconciliations": "6d53203fe6fa4ee077e1a3b0c8408d02",
        "exports, card histories": "4d0df5a94e382e6e8aebbd0ef2702db1",
        "exports, card feeds": "4cfed44f2558879db517e527d152c293",
    },
}
"""The digest of its histories, by release and processor."""
_LOAD: Final = "f4a8bfbb2a9b9af531c30cfd62b69005"


async def _digest(
    records: Sequence[tuple[Record, int | None]],
    processor: Processor[Any] | Projection[Any],
    service: str,
    most: int,
) -> str:
    kafka, names = MemoryKafka(), [topic.name for topic in processor.topics]
    for record, partition in records:
        if record.topic in names:
            kafka.append(record, partition)
    read = set(kafka.partitions)
    await Instance(kafka, MemoryDatabase(processor), Faults(), service=service).drain(names, most=most)
    digest = sha256()
    for place in sorted(kafka.partitions.keys() - read):
        for incoming in kafka.partitions[place]:
            digest.update(repr((tuple(place), incoming.key, incoming.value, incoming.headers)).encode())
    return digest.hexdigest()[:32]


def _recorded(history: History) -> list[tuple[Record, int | None]]:
    return [(record, partition) for (_, partition), records in history.partitions.items() for record in records]


@pytest.mark.parametrize("name", _PROCESSORS)
@pytest.mark.parametrize("release", _RECORDED)
async def test_a_processor_publishes_the_same_bytes_from_recorded_topics(release: str, name: str) -> None:
    histories = read(DIRECTORY / f"{release}.jsonl.gz")
    found = [await _digest(_recorded(one), _PROCESSORS[name], name.partition(",")[0], 50) for one in histories]

    assert sha256("".join(found).encode()).hexdigest()[:32] == _RECORDED[release][name]


def test_every_recorded_release_has_digests() -> None:
    assert {path.name.removesuffix(".jsonl.gz") for path in DIRECTORY.glob("*.jsonl.gz")} == _RECORDED.keys()


async def test_balance_publishes_the_same_bytes_from_the_load_of_the_benchmark() -> None:
    records = [(record, None) for record in Load(events=4000, cards=400).records()]

    assert await _digest(records, LEDGERS, "balance", 300) == _LOAD
