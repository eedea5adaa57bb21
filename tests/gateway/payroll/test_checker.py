"""The check of a payroll file before it is booked, with stores that fail at a chosen step (D6)."""

from __future__ import annotations

import pytest

from services.gateway.payroll import booking
from services.gateway.payroll.batch import (
    CHECK_ATTEMPTS,
    Batch,
    BatchStatus,
    BatchTotals,
    ChunkSize,
    pause_after,
)
from services.gateway.payroll.checking import chunks_to_check
from services.gateway.read_models import ReadModelInconsistent
from services.runtime.mongo.lease import LeaseLost
from tests.gateway.build import line_encryptor
from tests.gateway.payroll.harness import PayrollHarness, file_of, mixed_file, until, upload_of
from tests.gateway.payroll_fakes import receiving_batch, report_line
from tests.runtime.memory import Crash

pytestmark = pytest.mark.usefixtures("small_chunks")

TOTALS = BatchTotals(accepted=4, already_reported=1, refused=2, exempt=500_000)


async def checks(harness: PayrollHarness, batch: Batch) -> dict[int, str]:
    """What each line would give, by its number."""
    found: dict[int, str] = {}
    for index, size in enumerate(batch.chunks):
        chunk = await harness.batches.chunk(batch, index)
        if size.good:
            assert chunk.check is not None
            results = booking.results_from_json(line_encryptor().decrypt_check(chunk.check, batch, index))
            found |= {number: result.outcome for number, result in results.items()}
    return found


async def test_every_line_is_tried_and_nothing_is_booked() -> None:
    harness = PayrollHarness()
    content, expected = mixed_file()
    batch, _ = await harness.receive(upload_of(content, hold=True))
    assert batch.status is BatchStatus.CHECKING
    await harness.book()

    held = await harness.state(batch.batch_id)
    assert (held.status, held.check_totals) == (BatchStatus.HELD, TOTALS)
    assert await checks(harness, held) == {n: what for n, what in expected.items() if what != "error"}
    assert harness.fake_services.booked == {}
    assert {entry.action for entry in harness.accesses.take()} == {"try-number", "try-report"}


async def test_a_crash_at_any_step_of_a_check_does_not_change_what_it_finds() -> None:
    content, _ = mixed_file()
    for steps in range(1000):
        harness = PayrollHarness()
        batch, _ = await harness.receive(upload_of(content, hold=True))
        harness.faults.crash_in(steps)
        try:
            await harness.book()
        except Crash:
            harness.batches.no_leases()
            await harness.book()
        else:
            assert steps > 10
            return
        held = await harness.state(batch.batch_id)
        assert (held.status, held.check_totals) == (BatchStatus.HELD, TOTALS)
    raise AssertionError("it crashed every time")


@pytest.mark.parametrize("decision", [BatchStatus.BOOKING, BatchStatus.CANCELLED])
@pytest.mark.parametrize("step", ["publish before", "publish after"])
async def test_a_file_that_is_booked_or_cancelled_meanwhile_is_left_to_that(decision: BatchStatus, step: str) -> None:
    harness = PayrollHarness()
    batch, _ = await harness.receive(upload_of(file_of(report_line("a")), hold=True))

    async def decide() -> None:
        await harness.batches.change(batch.batch_id, BatchStatus.CHECKING, decision)
        if decision is BatchStatus.CANCELLED:
            await harness.batches.delete_lines(batch.batch_id)

    harness.faults.do_at(step, decide)
    with pytest.raises(LeaseLost):
        await harness.book()
    await harness.book()

    expected = BatchStatus.DONE if decision is BatchStatus.BOOKING else BatchStatus.CANCELLED
    assert (await harness.state(batch.batch_id)).status is expected


async def run_until_held(harness: PayrollHarness, batch: Batch) -> Batch:
    """Run the job of the payroll process until a file is held."""
    job = harness.job()
    job.start()
    try:
        await until(lambda: '"held"' in harness.batches.files[batch.batch_id])
    finally:
        await job.stop()
    return await harness.state(batch.batch_id)


async def test_a_check_that_keeps_failing_is_given_up_and_the_file_can_be_booked() -> None:
    harness = PayrollHarness()
    batch, _ = await harness.receive(upload_of(mixed_file()[0], hold=True))

    async def fail(*_: object) -> None:
        raise ReadModelInconsistent("reporting has an allowance for 2025, and the payroll process has none")

    harness.fake_services.totals = fail  # type: ignore[assignment,method-assign]
    held = await run_until_held(harness, batch)
    assert (held.attempt, held.check_failed, held.checked_at) == (CHECK_ATTEMPTS, True, None)
    assert held.check_totals == BatchTotals()
    assert await harness.batches.change(batch.batch_id, BatchStatus.HELD, BatchStatus.BOOKING)
    await harness.book()
    done = await harness.state(batch.batch_id)
    assert (done.status, done.failures, done.totals.accepted) == (BatchStatus.DONE, 0, TOTALS.accepted)


async def test_a_check_that_fails_once_is_made_later() -> None:
    harness = PayrollHarness()
    batch, _ = await harness.receive(upload_of(mixed_file()[0], hold=True))
    harness.faults.crash_at("add_check before")
    held = await run_until_held(harness, batch)
    assert (held.attempt, held.failures, held.check_failed, held.check_totals) == (2, 1, False, TOTALS)


def test_the_pause_after_a_failed_attempt_is_twice_as_long_each_time_up_to_a_minute() -> None:
    assert [pause_after(failures) for failures in (1, 2, 3, 5, 6, 40)] == [2, 4, 8, 32, 60, 60]


def test_only_the_first_lines_of_a_long_file_are_checked() -> None:
    batch = receiving_batch()
    batch.chunks = [
        ChunkSize(good=good, bad=0, last=number, total=0) for number, good in enumerate([500, 0, 500, 1000])
    ]
    assert chunks_to_check(batch) == [0, 2, 3]
    batch.chunks.append(ChunkSize(good=1, bad=0, last=9, total=0))
    assert chunks_to_check(batch) == [0, 2, 3]
