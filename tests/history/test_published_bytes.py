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
from services.exports.extracts.requests import REQUESTS
from services.exports.processor import statements
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
        "e78c2d1b537d118eeb326a7e2ad0bf70",
        "1ae692be33da9c415c720ff686e889e2",
        "a665b843b7a02daae028f5170ec55017",
    ],
    "reporting": [
        "6ce67631ef8072bdfc0aaa20ce4cb8c4",
        "591b1ce003d6558aa985585542899f16",
        "832d821c0a7f258956bfc1331a75df12",
    ],
    "balance": [
        "1778f1821bd6154a31c4aea12c10afca",
        "b0ed2449b24cefc4d0b485b7499b5466",
        "89487d9c56dec4c7312e160fac37c1ac",
    ],
    "exports": [
        "dda4e9158226a49f26c2cae518a1d19b",
        "fcfe93c25b1e7242f1e87bd3b44458cb",
        "faf870c76fc3ea47ce32e22d39a16bcd",
    ],
    "exports, requests": [
        "be74785845717772dbc29ec4922a0a4d",
        "e3b09ebeb9354600beadb01341062dd1",
        "e3b0c44298fc1c149afbf4c8996fb924",
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
