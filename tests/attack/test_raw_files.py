"""The raw files of the engines contain no personal data: someone who takes a disk finds what a search would find.

The engines run without compression, so that a search of their files sees what is in them.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from frikort_contracts.cloudevents import Record
from frikort_contracts.topics import OUTCOMES
from pymongo import MongoClient

from deploy.local import broker_config, mongod
from deploy.local.config import Config
from deploy.local.system import LocalSystem
from services.runtime.kafka.producer import KafkaProducer
from tests.integration.planted import PLANTED, SEARCH, extract_with_the_planted_citizen, plant
from tests.integration.scene import World

pytestmark = pytest.mark.verify

_UNCOMPRESSED: Final = (
    *("--wiredTigerCollectionBlockCompressor", "none"),
    *("--wiredTigerJournalCompressor", "none"),
    *("--wiredTigerIndexPrefixCompression", "false"),
)
_PIECE: Final = 64 * 2**10
_OVERLAP: Final = 4096
_ZEROS: Final = bytes(_OVERLAP + _PIECE)


@pytest.fixture
def uncompressed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalSystem]:
    """A system of its own whose engines compress nothing."""
    of_mongod = mongod.arguments
    monkeypatch.setattr(mongod, "arguments", lambda *given: [*of_mongod(*given), *_UNCOMPRESSED])
    monkeypatch.setattr(broker_config, "SETTINGS", {**broker_config.SETTINGS, "compression.type": "uncompressed"})
    with LocalSystem(Config(data=tmp_path)) as system:
        yield system


async def test_the_files_contain_what_is_planted_and_no_personal_data(uncompressed: LocalSystem) -> None:
    world = World(uncompressed)
    plant(world)
    await extract_with_the_planted_citizen(world)
    flush(uncompressed)
    assert found_in(uncompressed.config.data) == set()

    client: MongoClient[dict[str, Any]] = MongoClient(uncompressed.mongodb)
    client["frikort_privacy_test"]["planted"].insert_one({"note": f"about {PLANTED.cpr}"})
    flush(uncompressed)
    assert {file.split("/")[0] for file in found_in(uncompressed.config.data)} == {"mongodb"}

    producer = KafkaProducer(uncompressed.access.settings(), client_id="privacy-test", timeout=20)
    await producer.publish([Record(OUTCOMES.dead, b"planted", PLANTED.cpr.encode("utf-16-le"), ())])
    await producer.stop()
    assert {file.split("/")[0] for file in found_in(uncompressed.config.data)} == {"mongodb", "kafka"}


def flush(system: LocalSystem) -> None:
    """Let MongoDB write everything to its files. The journal and the broker's files are written as they go."""
    MongoClient(system.mongodb).admin.command("fsync")


def found_in(directory: Path) -> set[str]:
    """The files below ``directory`` with personal data, and what they contain."""
    files = [path for path in directory.rglob("*") if path.is_file() and path.relative_to(directory).parts[0] != "keys"]
    assert sum(path.stat().st_size for path in files) > 10_000_000
    return {f"{path.relative_to(directory)}: {what}" for path in files for what in _secrets_in(path)}


def _secrets_in(path: Path) -> set[str]:
    # Both engines allocate files before they write them: gigabytes of zeros.
    found: set[str] = set()
    with path.open("rb") as file:
        before = b""
        while piece := file.read(_PIECE):
            content = before + piece
            if content != _ZEROS[: len(content)]:
                found |= {f"{trace.what}, in {trace.encoding}" for trace in SEARCH.find(content)}
            before = piece[-_OVERLAP:]
    return found
