"""Every set of labels of the gateway's own metrics is there from the start."""

from __future__ import annotations

from pathlib import Path
from typing import Final, get_args

from prometheus_client import REGISTRY

from services.gateway.audit.chain import SigningKey
from services.gateway.audit.expiry import ExpirySigner
from services.gateway.audit.unusual import Limits, Rule
from services.gateway.audit.watcher import AccessWatcher
from services.gateway.commands.store import CommandExpiry
from services.gateway.retention.job import RetentionJob
from services.runtime.file_store import FileStore
from services.runtime.mongo.driver import connect, durable_database
from tests.gateway.memory import MemoryTopic

NOWHERE: Final = "mongodb://127.0.0.1:1/?replicaSet=none"
LIMITS: Final = Limits(people=3, readers=2, hours=(6, 20))


def labels_of(metric: str, label: str) -> set[str]:
    """The values of a label that are there."""
    return {sample.labels[label] for one in REGISTRY.collect() if one.name == metric for sample in one.samples}


async def test_every_rule_of_unusual_accesses_is_measured_before_the_first_finding() -> None:
    client = connect(NOWHERE)
    AccessWatcher(durable_database(client, "frikort_gateway"), MemoryTopic(), LIMITS, interval=1)
    client.close()
    assert labels_of("frikort_unusual_accesses", "rule") == set(get_args(Rule))


async def test_every_kind_that_the_retention_job_deletes_is_measured_before_its_first_run(tmp_path: Path) -> None:
    client = connect(NOWHERE)
    database, topic = durable_database(client, "frikort_gateway"), MemoryTopic()
    expiry = ExpirySigner(database, topic, SigningKey(b"k" * 32))
    RetentionJob(database, topic, CommandExpiry(database), expiry, FileStore(tmp_path.as_uri()))
    client.close()
    kinds = {"stored-answers", "payroll-lines", "unusual-findings", "audit-entries"}
    assert labels_of("frikort_retention_expired", "kind") >= kinds
