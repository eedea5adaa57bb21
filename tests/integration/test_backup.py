"""A backup of the running system by its own user. `make verify ONLY=recovery` restores one."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

import bson
import pytest
from frikort_contracts.access import BACKUP
from frikort_contracts.topics import EARNINGS

from deploy.backup import commands
from deploy.backup.__main__ import main
from deploy.backup.archive import Archive, StoredRecord
from deploy.backup.stores import CollectionsChanged, connect, last_majority_write, snapshot
from deploy.mongodb.rights import DATABASES
from services.runtime import exit_codes
from tests.integration.scene import Job, World


@pytest.fixture
def _as_backup(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The settings of the user of backups. It gets no key."""
    for name, value in world.system.environment(BACKUP, ()).items():
        monkeypatch.setenv(name, value)


@pytest.mark.usefixtures("_as_backup")
def test_the_running_system_is_copied_and_later_reports_are_added(job: Job, tmp_path: Path) -> None:
    archive = Archive(tmp_path / "backup")
    first = job.report(70_000)["report_id"]
    assert main(["create", str(archive.directory)]) == exit_codes.DONE
    april = {"work": {"first": "2025-04-01", "last": "2025-04-30"}, "payment_date": "2025-04-30"}
    second = job.report(80_000, **april)["report_id"]
    assert main(["extend", str(archive.directory)]) == exit_codes.DONE
    first_part, second_part = parts = commands.verify(archive)
    assert {collection.database for collection in first_part.collections} >= set(DATABASES) - {"frikort_operations"}
    groups = {offset.group.split(".")[1] for offset in second_part.groups}
    assert groups >= {"issuance", "reporting", "balance", "exports", "gateway"}
    assert [reports_of(job, archive.records([part])) for part in parts] == [[first], [second]]
    (changed,) = [
        each for each in second_part.collections if each.name == "ledgers" and each.database == "frikort_balance"
    ]
    assert {bson.decode(raw)["_id"] for raw in archive.documents(changed)} == {f"{job.card.id}:2025"}


def test_a_collection_that_is_made_while_documents_are_read_is_of_a_later_moment(world: World, tmp_path: Path) -> None:
    archive = Archive(tmp_path / "backup")
    archive.create()
    with connect(world.system.mongodb) as client:
        before, made = last_majority_write(client), client["frikort_operations"]["made_meanwhile"]
        try:
            with snapshot(client) as documents:
                made.insert_one({})
                assert made.name not in {each.name for each in documents.write_changes(archive, 1, before)}
            with snapshot(client) as documents:
                assert made.name in {each.name for each in documents.write_changes(archive, 2, before)}
        finally:
            made.drop()


def test_a_backup_is_refused_if_a_collection_is_dropped_meanwhile(world: World) -> None:
    with connect(world.system.mongodb) as client:
        client["frikort_operations"]["dropped_meanwhile"].insert_one({})
        with pytest.raises(CollectionsChanged), snapshot(client):
            client["frikort_operations"]["dropped_meanwhile"].drop()


def reports_of(job: Job, records: Iterable[StoredRecord]) -> list[str]:
    """The ids of the reports of a card, in the order of their events."""
    events = [r.value or b"" for r in records if r.partition.topic == EARNINGS.name and r.key == job.card.id.encode()]
    return [event["report_id"] for event in map(json.loads, events) if "report_id" in event]
