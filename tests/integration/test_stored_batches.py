"""What the broker's files hold: the batches of records as processes compress them."""

from __future__ import annotations

import struct
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from frikort_contracts.topics import (
    BALANCES,
    CAP_WARNINGS,
    CARDS,
    EARNINGS,
    ISSUANCE_COMMANDS,
    OUTCOMES,
    REPORTING_COMMANDS,
)

from tests.integration.scene import ALLOWANCE, World
from tests.waiting import eventually

BOOKS: Final = {
    topic.name for topic in (ISSUANCE_COMMANDS, REPORTING_COMMANDS, CARDS, EARNINGS, BALANCES, CAP_WARNINGS, OUTCOMES)
}
ZSTD: Final = 4
"""In the attributes of a batch: KIP-110."""

# Base offset, length, leader epoch, magic, checksum, attributes, last offset delta, first and latest timestamp (ms).
_HEADER: Final = struct.Struct(">qiibIhiqq")
_BEFORE_LENGTH_COUNTS: Final = 12
_CODEC: Final = 0b111


class StoredBatch(NamedTuple):
    """A batch of records in a segment."""

    codec: int
    latest: int


def batches_in(segment: Path) -> Iterator[StoredBatch]:
    """The batches of a segment. What is allocated and not written yet is zeros."""
    content, at = segment.read_bytes(), 0
    while at + _HEADER.size <= len(content):
        _, length, _, magic, _, attributes, _, _, latest = _HEADER.unpack_from(content, at)
        if not length:
            return
        assert magic == 2
        yield StoredBatch(attributes & _CODEC, latest)
        at += _BEFORE_LENGTH_COUNTS + length


def codecs_since(data: Path, moment: int) -> dict[str, set[int]]:
    """The compressions of the batches of the books that were published since ``moment`` (ms), by topic."""
    found: dict[str, set[int]] = defaultdict(set)
    for segment in data.glob("kafka/frikort.*-*/*.log"):
        topic = segment.parent.name.rpartition("-")[0]
        if topic in BOOKS:
            found[topic] |= {batch.codec for batch in batches_in(segment) if batch.latest >= moment}
    return {topic: codecs for topic, codecs in found.items() if codecs}


async def test_what_processes_publish_on_the_topics_of_the_books_is_stored_with_zstd(world: World) -> None:
    began = int(1000 * time.time())
    world.job().report(ALLOWANCE + 100)

    async def stored() -> dict[str, set[int]] | None:
        found = codecs_since(world.system.config.data, began)
        return found if found.keys() == BOOKS else None

    assert await eventually(stored, what="a batch on each topic") == {topic: {ZSTD} for topic in BOOKS}
