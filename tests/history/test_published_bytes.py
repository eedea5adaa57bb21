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
        "b1feb3e7035df1c83abc4ae8668e52bb",
        "f0a2b8db720803771cc0f8aaf342ab21",
        "3e8c16bd2899e768110caf7b4842e05c",
    ],
    "reporting": [
        "6ce87a28c78accb8bd5c0b8893d9b6a0",
        "a0cb2bd9db6333017f6ec89c1c642588",
        "7b6bfe178be01aa7b0e14c0a8759a042",
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
        "40776992ab194b8affec2461328a6fe8",
        "e1344c8f2514d97064926184bb6c6489",
        "38d875c05e23fe7fd82274eff8f1686c",
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
