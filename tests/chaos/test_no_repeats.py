"""Without a crash every event is on its topic once, on the real broker and database."""

from __future__ import annotations

import pytest

from deploy.local.config import Config
from deploy.local.system import LocalSystem
from tests.chaos.environment import ENVIRONMENT, NAMES
from tests.chaos.round_context import RoundContext
from tests.chaos.rounds import scale
from tests.chaos.run import Chaos

pytestmark = pytest.mark.verify

REPORTS = 3000


async def restart_and_scale(on: RoundContext) -> None:
    """SIGTERM and a new start for an instance of each service; a third instance joins and leaves."""
    for name in NAMES:
        assert await on.environment.terminate(name) == {name: 0}
        await on.environment.start([name])
    await scale(on)


@pytest.mark.timeout(560)
async def test_restarts_by_sigterm_and_a_change_of_scale_repeat_no_event(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    config = Config(tmp_path_factory.mktemp("repeats"), environment=ENVIRONMENT)
    with LocalSystem(config) as system:
        async with Chaos(system, {"no crash": restart_and_scale}, seconds=10, seed=2) as chaos:
            chaos.load.reports_in_a_file = 60
            rows = await chaos.run(1)
    done, topics = chaos.journal.acknowledged, chaos.topics
    print(f"{topics.records} records, of them repeated: {dict(topics.repeats)}; {dict(done)}")  # noqa: T201
    assert [row for row in rows if not row.good] == []
    assert rows[0].notes == [], "every process ended with exit code 0 and none by itself"
    assert topics.repeats == {}
    assert done["report"] + done["line"] >= REPORTS
    assert len({report.cvr for report in chaos.journal.reports.values()}) > 1
    assert min(done[kind] for kind in ("correct", "withdraw", "hand_over")) > 0
