"""Read models that are rebuilt are not ready until few records wait."""

from __future__ import annotations

from typing import Any, cast

import pytest

from services.balance.processor import LEDGERS
from services.gateway.projections import PROJECTIONS, rebuild
from services.runtime import exit_codes
from services.runtime.processing.consumer import BatchConsumer
from services.runtime.processing.positions import Partition
from services.runtime.service import Runtime
from services.runtime.settings import RuntimeSettings


class Lagging:
    """A consumer that has joined its group, with a settable lag."""

    failure = failing_since = last_progress = None
    joined, stall_timeout = True, 60.0

    def __init__(self, waiting: int) -> None:
        self.waiting = waiting

    def stalled_for(self) -> float:
        return 0.0

    def lag(self) -> dict[Partition, int]:
        return {Partition("frikort.cards.v1", 0): self.waiting, Partition("frikort.cards.v1", 1): 0}


async def statuses(processors: Any, *lags: int) -> list[str]:
    """The status after each lag, from the start."""
    settings = RuntimeSettings(
        environment="local", kafka="127.0.0.1:1", mongodb="mongodb://127.0.0.1:1/?replicaSet=rs0", rebuild_lag=100
    )
    health = Runtime(service="gateway", settings=settings, processors=processors).health
    return [health._report_of(cast("BatchConsumer", Lagging(waiting)))["status"] for waiting in lags]


async def test_read_models_are_not_ready_while_too_many_records_wait_after_the_start() -> None:
    assert await statuses(PROJECTIONS, 5000, 101, 100) == ["rebuilding", "rebuilding", "ok"]


async def test_a_busy_night_after_the_start_does_not_make_read_models_unready() -> None:
    assert await statuses(PROJECTIONS, 0, 5000) == ["ok", "ok"]


@pytest.mark.parametrize("lag", [0, 5000])
async def test_a_process_that_decides_is_ready_whatever_its_lag(lag: int) -> None:
    assert await statuses([LEDGERS], lag) == ["ok"]


def test_the_command_says_what_does_not_answer_and_how_to_continue(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FRIKORT_ENVIRONMENT", "local")
    monkeypatch.setenv("FRIKORT_KAFKA", "127.0.0.1:1")
    monkeypatch.setenv("FRIKORT_MONGODB", "mongodb://127.0.0.1:1/?replicaSet=rs0&serverSelectionTimeoutMS=100")

    assert rebuild.main(["reports"]) == exit_codes.CANNOT_START
    said = capsys.readouterr().err
    assert "did not answer" in said
    assert "Start the same command again to continue." in said
