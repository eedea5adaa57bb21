"""The job of a payroll worker: claims, stops, hand-overs and files that expire."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from services.gateway.payroll.batch import Batch, BatchStatus
from tests.gateway.payroll.harness import PayrollHarness, file_of, until, upload_of
from tests.gateway.payroll_fakes import report_line
from tests.runtime.memory import Crash

pytestmark = pytest.mark.usefixtures("small_chunks")


async def assert_each_line_was_published_once(harness: PayrollHarness, batch: Batch, lines: int) -> None:
    """And the file is done."""
    ids = [dict(record.headers)["ce_id"] for record in harness.fake_services.published]
    assert len(ids) == len(set(ids)) == lines
    assert (await harness.state(batch.batch_id)).status is BatchStatus.DONE


async def test_a_new_file_wakes_the_worker() -> None:
    harness = PayrollHarness()
    job = harness.job()
    job.start()
    try:
        batch, _ = await harness.receive(upload_of(file_of(report_line("a"))))
        job.notify()
        await until(lambda: '"done"' in harness.batches.files[batch.batch_id])
    finally:
        await job.stop()


async def test_a_worker_that_stops_releases_its_file() -> None:
    harness = PayrollHarness()
    harness.fake_services.paused = True
    batch, _ = await harness.receive(upload_of(file_of(report_line("a"))))
    job = harness.job(finish_within=0.05)
    job.start()
    await until(lambda: bool(harness.fake_services.published))
    await job.stop()
    assert harness.batches.leased == set()
    assert (await harness.state(batch.batch_id)).status is BatchStatus.BOOKING


async def test_a_stop_finishes_what_is_published_so_that_the_next_worker_publishes_nothing_twice() -> None:
    harness = PayrollHarness()
    harness.fake_services.paused = True
    lines = [report_line(f"line {number}") for number in range(30)]
    batch, _ = await harness.receive(upload_of(file_of(*lines)))
    job = harness.job()
    job.start()
    await until(lambda: bool(harness.fake_services.published))
    stopping = asyncio.create_task(job.stop())
    await asyncio.sleep(0)
    harness.fake_services.resume()
    await stopping
    assert 0 < len(harness.fake_services.published) < len(lines)
    await harness.book()
    await assert_each_line_was_published_once(harness, batch, len(lines))


async def test_what_a_stop_cannot_finish_is_handed_over_and_not_published_twice() -> None:
    harness = PayrollHarness()
    harness.fake_services.paused = True
    lines = [report_line(f"line {number}") for number in range(30)]
    batch, _ = await harness.receive(upload_of(file_of(*lines)))
    job = harness.job(finish_within=0.05)
    job.start()
    await until(lambda: bool(harness.fake_services.published))
    await job.stop()
    assert 0 < len(harness.fake_services.published) < len(lines)

    harness.fake_services.resume()
    await harness.book()

    await assert_each_line_was_published_once(harness, batch, len(lines))


async def test_after_a_crash_of_the_worker_that_took_over_lines_are_published_again() -> None:
    """What was handed over is for the next worker alone: the one after it does not know what that one has done."""
    harness = PayrollHarness()
    harness.fake_services.paused = True
    await harness.receive(upload_of(file_of(report_line("a"))))
    job = harness.job(finish_within=0.05)
    job.start()
    await until(lambda: bool(harness.fake_services.published))
    await job.stop()
    (held,) = [await harness.batches.claim(batch_id) for batch_id in await harness.batches.waiting()]
    assert held is not None, "the next worker claims the file, and is killed"
    harness.batches.no_leases()

    harness.fake_services.paused = False
    await harness.book()

    assert len(harness.fake_services.published) == 2


async def test_a_file_that_fails_does_not_stop_the_others() -> None:
    harness = PayrollHarness()
    await harness.receive(upload_of(file_of(report_line("a"))))
    await harness.receive(upload_of(file_of(report_line("b")), "other"))
    harness.faults.crash_at("set_plan before")
    job = harness.job()
    job.start()
    try:
        await until(lambda: sum('"done"' in stored for stored in harness.batches.files.values()) == 2)
    finally:
        await job.stop()


async def test_a_file_that_is_held_for_too_long_is_cancelled_and_its_lines_deleted() -> None:
    harness = PayrollHarness()
    held, _ = await harness.receive(upload_of(file_of(report_line("a")), hold=True))
    booking_, _ = await harness.receive(upload_of(file_of(report_line("b")), "other"))
    job = harness.job()
    await job.sweep()
    assert (await harness.state(held.batch_id)).status is BatchStatus.CHECKING
    harness.now += timedelta(days=7)
    await job.sweep()
    assert (await harness.state(held.batch_id)).status is BatchStatus.CANCELLED
    assert {place[0] for place in harness.batches.chunks} == {booking_.batch_id}


async def test_an_interrupted_upload_is_deleted_later() -> None:
    harness = PayrollHarness()
    harness.faults.crash_at("acknowledge before")
    with pytest.raises(Crash):
        await harness.receive(upload_of(file_of(report_line("a"))))
    job = harness.job()
    await job.sweep()
    assert harness.batches.chunks
    harness.now += timedelta(hours=2)
    await job.sweep()
    assert (harness.batches.files, harness.batches.chunks) == ({}, {})
