"""No query of the other integration tests read the whole of a collection that grows."""

from __future__ import annotations

from typing import Final

import pytest

from tests.integration.scene import World
from tests.scans import Scan, scans

pytestmark = pytest.mark.last

SMALL: Final = {
    "audit_chains": "one document for each start of a process",
    "jobs": "one document for each command of an operator",
    "key_checks": "one document for each key of a process",
    "projection_heartbeats": "one document for each instance",
    "retention_runs": "one document a day",
    "statistics": "one document a month",
}
"""Collections that a process may read as a whole, and why."""
NIGHTLY: Final = Scan("frikort_gateway", "accesses", "chain")
"""The nightly check of the audit log, which reads every entry anyway."""


def test_no_query_reads_the_whole_of_a_collection_that_grows(world: World) -> None:
    world.job().report()
    found = {scan for scan in scans(world.system.mongodb) if scan.collection not in SMALL} - {NIGHTLY}
    assert not found, "\n".join(sorted(map(str, found)))
