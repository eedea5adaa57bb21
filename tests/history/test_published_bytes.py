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
from services.exports.processor import REQUESTS, statements
from services.issuance.processor import cards
from services.reporting.processor import card_states
from services.reporting.rules import Rules
from services.runtime.allowance_file import load_allowances
from services.runtime.processing.decision import Processor
from services.runtime.settings import REPOSITORY
from tests.bench.events import Load
from tests.history.recording import DIRECTORY, History, read
from tests.runtime.memory import Faults, Instance, MemoryDatabase, MemoryKafka

_SERVICES: Final[dict[str, Processor[Any]]] = {
    "issuance": cards(b"the secret of this test"),
    "reporting": card_states(Rules(load_allowances(REPOSITORY / "deploy" / "allowances.toml"), True)),
    "balance": LEDGERS,
    "exports": statements(lambda person, _: f"jwe {person.cpr_hash}"),
    "exports, requests": REQUESTS,
}
_RECORDED: Final = {
    "issuance": [
        "afd380750dda7903140cbe69eb1c4879",
        "765b09a6ba149e34128f466d50a06271",
        "d0576a3acf2767d940919896aa0f6153",
    ],
    "reporting": [
        "7bebfb054dd86dcc7fd2851d1d2bbf21",
        "0737a9b71bdf2e5b5710647ccc56b0c5",
        "d8d86b8d9dacb244aac963a0e56867e3",
    ],
    "balance": [
        "aa12de6d08f4b98b7ebe9b00a8faefbf",
        "de07951febdd08b84897d417d9a25786",
        "5eacbe2d6946ef364290d85d77c5371c",
    ],
    "exports": [
        "96d5c763a730efeda0daace00da61884",
        "9b72a2d53aa92cb83cdd77e076305b76",
        "5137dbc480d77dfec4262e3bdcbcb1a2",
    ],
    "exports, requests": [
        "e92303bd5329eb092b93f7cbb38a3f40",
        "54ef65c35a3e123fd7f9eeccffdb75a0",
        "aefdb70fccd9e6cf9401cc68f6ba8776",
    ],
}
_LOAD: Final = "f4a8bfbb2a9b9af531c30cfd62b69005"


async def _digest(
    records: Sequence[tuple[Record, int | None]], processor: Processor[Any], service: str, most: int
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


@pytest.mark.parametrize("name", _SERVICES)
async def test_a_processor_publishes_the_same_bytes_from_recorded_topics(name: str) -> None:
    histories = [history for path in sorted(DIRECTORY.glob("*.jsonl.gz")) for history in read(path)]
    found = [await _digest(_recorded(one), _SERVICES[name], name.partition(",")[0], 50) for one in histories]

    assert found == _RECORDED[name]


async def test_balance_publishes_the_same_bytes_from_the_load_of_the_benchmark() -> None:
    records = [(record, None) for record in Load(events=4000, cards=400).records()]

    assert await _digest(records, LEDGERS, "balance", 300) == _LOAD
