"""The reconciliation's pages, and when its nightly run is due."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import pytest
from frikort_contracts.reconciliation import CardsListed

from services.issuance.jobs import RECONCILE, is_due
from services.runtime.processing.jobs import JobState

JOB = JobState(UUID(int=1), RECONCILE.name, rate=2.0, started_at=datetime(2026, 1, 1, tzinfo=UTC), total=5, done=3)


def test_a_page_has_its_cards_and_the_number_of_cards_before_it() -> None:
    page = RECONCILE.page(JOB, ["card-4", "card-5"])
    assert page == CardsListed(run_id=str(JOB.job_id), first=3, cards=("card-4", "card-5"))


def test_the_page_after_the_last_is_empty() -> None:
    assert RECONCILE.page(JOB, []) == CardsListed(run_id=str(JOB.job_id), first=3, cards=(), is_last=True)


@pytest.mark.parametrize(
    ("now", "latest", "due"),
    [
        pytest.param("2026-07-02T00:00", None, True, id="there was none"),
        pytest.param("2026-07-02T00:00", "2026-07-01T23:30", True, id="one was started by command just before"),
        pytest.param("2026-07-02T00:00", "2026-07-01T00:00", True, id="02:00 in summer"),
        pytest.param("2026-07-01T23:59", "2026-07-01T00:00", False, id="01:59 in summer"),
        pytest.param("2026-01-02T01:00", "2026-01-01T12:00", True, id="02:00 in winter"),
        pytest.param("2026-01-02T00:59", "2026-01-01T12:00", False, id="01:59 in winter"),
        pytest.param("2026-01-02T15:00", "2026-01-02T14:00", False, id="one was started by command today"),
    ],
)
def test_a_run_is_due_once_a_night(now: str, latest: str | None, due: bool) -> None:
    def time(text: str) -> datetime:
        return datetime.fromisoformat(text).replace(tzinfo=UTC)

    assert is_due(time(now), None if latest is None else time(latest)) is due
