"""Payroll files from upload to result, with stores that fail at a chosen step."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Collection, Sequence
from datetime import timedelta
from typing import Any

import pytest
from frikort_contracts.cloudevents import Record, decode
from frikort_contracts.topics import REPORTING_COMMANDS
from pymongo.errors import AutoReconnect

from services.gateway.audit.log import NO_MATCH
from services.gateway.payroll import booking
from services.gateway.payroll.batch import Batch, BatchStatus, BatchTotals
from services.gateway.payroll.booking import LineOutcome
from services.gateway.problems import ProblemError
from services.runtime.mongo.lease import LeaseLost
from tests.gateway.payroll.harness import OTHER, PayrollHarness, file_of, mixed_file, until, upload_of
from tests.gateway.payroll_fakes import FakeServices, receiving_batch, report_line, valid_line
from tests.runtime.memory import Crash

pytestmark = pytest.mark.usefixtures("small_chunks")


class TestReceiving:
    async def test_a_file_is_checked_line_by_line_and_booked(self) -> None:
        harness = PayrollHarness()
        content, expected = mixed_file()

        batch, replayed = await harness.receive(upload_of(content))
        assert (batch.status, batch.good, batch.bad, replayed) == (BatchStatus.BOOKING, 7, 4, False)
        assert batch.total == 5 * 100_000 + 2 * 13
        await harness.book()

        done = await harness.state(batch.batch_id)
        assert done.status is BatchStatus.DONE
        assert await harness.results(done) == expected
        assert done.totals == BatchTotals(accepted=4, already_reported=1, refused=2, exempt=500_000, excess=0)

    async def test_a_file_repeated_under_its_key_is_the_same_file(self) -> None:
        harness = PayrollHarness()
        content, _ = mixed_file()
        first, _ = await harness.receive(upload_of(content))
        await harness.book()

        again, replayed = await harness.receive(upload_of(content))

        assert (again.batch_id, again.status, replayed) == (first.batch_id, BatchStatus.DONE, True)
        assert len(harness.fake_services.published) == 7

    @pytest.mark.parametrize("other", [{"content": b"{}"}, {"hold": True}])
    async def test_another_file_under_the_same_key_is_refused(self, other: dict[str, Any]) -> None:
        harness = PayrollHarness()
        content, _ = mixed_file()
        await harness.receive(upload_of(content))
        with pytest.raises(ProblemError, match="idempotency-key-reused"):
            await harness.receive(upload_of(**{"content": content} | other))

    async def test_the_same_file_under_another_key_books_nothing_twice(self) -> None:
        harness = PayrollHarness()
        content, expected = mixed_file()
        await harness.receive(upload_of(content))
        await harness.book()
        booked = dict(harness.fake_services.booked)

        again, _ = await harness.receive(upload_of(content, "a month later"))
        await harness.book()

        results = await harness.results(await harness.state(again.batch_id))
        assert results == {n: "already_reported" if what == "accepted" else what for n, what in expected.items()}
        assert harness.fake_services.booked == booked

    async def test_the_same_key_of_another_client_is_another_file(self) -> None:
        harness = PayrollHarness()
        one, _ = await harness.receive(upload_of(file_of(report_line("a"))))
        other, _ = await harness.receive(upload_of(file_of(report_line("a")), caller=OTHER))
        assert one.batch_id != other.batch_id
        assert (one.good, other.good, other.bad) == (1, 0, 1)

    async def test_a_held_file_books_nothing(self) -> None:
        harness = PayrollHarness()
        content, _ = mixed_file()
        held, _ = await harness.receive(upload_of(content, hold=True))
        await harness.book()
        assert (held.good, held.bad, (await harness.state(held.batch_id)).status) == (7, 4, BatchStatus.HELD)
        assert harness.fake_services.booked == {}

    @pytest.mark.parametrize(
        ("content", "code"),
        [(b"", "batch-empty"), (b"\n\n\r\n", "batch-empty"), (b"\xff\xfe", "batch-not-utf8")],
    )
    async def test_an_unreadable_file_is_not_stored_and_leaves_its_key_free(self, content: bytes, code: str) -> None:
        harness = PayrollHarness()
        with pytest.raises(ProblemError, match=code):
            await harness.receive(upload_of(content))
        assert (harness.batches.files, harness.batches.chunks) == ({}, {})
        await harness.receive(upload_of(file_of(report_line("a"))))

    async def test_a_file_with_too_many_lines_is_not_stored(self) -> None:
        harness = PayrollHarness(lines_most=7)
        with pytest.raises(ProblemError, match="body-too-large"):
            await harness.receive(upload_of(file_of(*(report_line(str(n)) for n in range(9)))))
        assert (harness.batches.files, harness.batches.chunks) == ({}, {})

    async def test_a_crash_at_any_step_of_an_upload_is_repaired_by_a_retry(self) -> None:
        content, expected = mixed_file()
        for steps in range(1000):
            harness = PayrollHarness()
            harness.faults.crash_in(steps)
            crashed = False
            try:
                await harness.receive(upload_of(content))
            except Crash:
                crashed = True
            harness.faults.crash_in(10_000)
            batch, _ = await harness.receive(upload_of(content))
            await harness.book()
            done = await harness.state(batch.batch_id)
            assert await harness.results(done) == expected
            assert len(harness.batches.chunks) == 4
            if not crashed:
                return
        raise AssertionError("it crashed every time")

    async def test_the_later_of_two_concurrent_uploads_counts(self) -> None:
        harness = PayrollHarness()
        content, expected = mixed_file()

        async def upload_again() -> None:
            await harness.receive(upload_of(content))

        harness.faults.do_at("add_chunk after", upload_again)
        batch, replayed = await harness.receive(upload_of(content))
        await harness.book()

        assert replayed
        assert await harness.results(await harness.state(batch.batch_id)) == expected
        assert len(harness.batches.chunks) == 4


class TestBooking:
    async def test_a_crash_at_any_step_of_booking_does_not_change_the_result(self) -> None:
        content, expected = mixed_file()
        crashes = 0
        for steps in range(1000):
            harness = PayrollHarness()
            batch, _ = await harness.receive(upload_of(content))
            harness.faults.crash_in(steps)
            try:
                await harness.book()
            except Crash:
                crashes += 1
                harness.batches.no_leases()
                await harness.book()
                harness.batches.no_leases()
                await harness.book()
                crashed = True
            else:
                crashed = False
            done = await harness.state(batch.batch_id)
            assert (done.status, done.totals) == (
                BatchStatus.DONE,
                BatchTotals(accepted=4, already_reported=1, refused=2, exempt=500_000),
            )
            assert await harness.results(done) == expected
            bytes_of: dict[str, set[bytes]] = {}
            for record in harness.fake_services.published:
                envelope = decode(REPORTING_COMMANDS, record.value, record.headers)
                bytes_of.setdefault(str(envelope.id), set()).add(repr((record.value, record.headers)).encode())
            assert len(bytes_of) == 7
            assert {len(contents) for contents in bytes_of.values()} == {1}
            people = Counter((entry.subject, entry.order) for entry in harness.accesses.lines.values())
            assert set(people.values()) == {1}
            assert Counter(entry.subject for entry in harness.accesses.lines.values()) == {
                "card:card-12345": 4,
                "card:card-23456": 3,
                NO_MATCH: 1,  # the line with an unknown number
            }
            if not crashed:
                assert crashes > 20
                return
        raise AssertionError("it crashed every time")

    async def test_a_restart_publishes_at_most_one_chunk_again(self) -> None:
        harness = PayrollHarness()
        await harness.receive(upload_of(file_of(*(report_line(str(n)) for n in range(9)))))
        harness.faults.crash_at("set_results before", after=1)
        with pytest.raises(Crash):
            await harness.book()
        sent = len(harness.fake_services.published)

        harness.batches.no_leases()
        await harness.book()

        assert len(harness.fake_services.published) == sent == 9  # what has an outcome is not sent again

    async def test_a_chunk_keeps_the_time_of_its_first_claim(self) -> None:
        harness = PayrollHarness()
        await harness.receive(upload_of(file_of(report_line("a"), report_line("b"))))
        harness.fake_services.paused = True
        harness.faults.crash_at("publish after")
        with pytest.raises(Crash):
            await harness.book()
        harness.fake_services.paused = False
        harness.now += timedelta(days=1)

        harness.batches.no_leases()
        await harness.book()

        assert len(harness.fake_services.published) == 4
        first, again = harness.fake_services.published[:2], harness.fake_services.published[2:]
        assert first == again

    async def test_the_times_of_lines_increase(self) -> None:
        harness = PayrollHarness()
        await harness.receive(upload_of(file_of(*(report_line(str(n)) for n in range(5)))))
        await harness.book()
        times = [decode(REPORTING_COMMANDS, r.value, r.headers).time for r in harness.fake_services.published]
        assert times == sorted(set(times))

    async def test_a_worker_that_lost_its_lease_writes_nothing(self) -> None:
        harness = PayrollHarness()
        content, expected = mixed_file()
        batch, _ = await harness.receive(upload_of(content))

        others: list[asyncio.Task[None]] = []

        async def another_takes_over() -> None:
            harness.batches.no_leases()
            others.append(asyncio.create_task(harness.book()))
            await asyncio.shield(others[0])

        harness.faults.do_at("set_results before", another_takes_over)
        with pytest.raises(LeaseLost):
            await harness.book()
        await others[0]

        done = await harness.state(batch.batch_id)
        assert (done.status, done.attempt) == (BatchStatus.DONE, 2)
        assert await harness.results(done) == expected

    async def test_a_file_waits_and_shows_its_progress_while_services_are_down(self) -> None:
        harness = PayrollHarness()
        batch, _ = await harness.receive(upload_of(file_of(*(report_line(str(n)) for n in range(4)))))
        harness.fake_services.paused = True
        held = await harness.batches.claim(batch.batch_id)
        assert held is not None
        worker = harness.worker()
        progress: list[int] = []

        async def renew_lease(held: Batch) -> None:
            progress.append((await harness.state(batch.batch_id)).totals.lines)
            if len(progress) == 3:
                harness.fake_services.resume()

        harness.batches.renew_lease = renew_lease  # type: ignore[method-assign]
        await worker.work(held)

        assert progress[:3] == [0, 0, 0]
        assert (await harness.state(batch.batch_id)).totals.accepted == 4

    async def test_the_lease_is_renewed_while_parts_end_one_after_the_other(self) -> None:
        """Each part is faster than a renewal is due, and the whole chunk takes longer than a lease."""
        harness = PayrollHarness()
        batch, _ = await harness.receive(upload_of(file_of(*(report_line(str(n)) for n in range(3)))))
        held = await harness.batches.claim(batch.batch_id)
        assert held is not None
        renewals = 0

        async def renew_lease(held: Batch) -> None:
            nonlocal renewals
            renewals += 1

        async def publish(records: Sequence[Record]) -> None:
            before = renewals
            await until(lambda: renewals > before)
            await FakeServices.publish(harness.fake_services, records)

        harness.batches.renew_lease = renew_lease  # type: ignore[method-assign]
        harness.fake_services.publish = publish  # type: ignore[method-assign]
        await harness.worker().work(held)

        assert (await harness.state(batch.batch_id)).totals.accepted == 3

    async def test_a_file_waits_for_outcomes_before_it_publishes_more_parts_than_its_pace_allows(self) -> None:
        harness = PayrollHarness()
        lines = (report_line(str(number), ("12345", "23456")[number % 2]) for number in range(30))
        batch, _ = await harness.receive(upload_of(file_of(*lines)))
        harness.fake_services.paused = True
        published_when_asked: list[int] = []

        async def outcomes(command_ids: Collection[str]) -> dict[str, LineOutcome]:
            if len(published_when_asked) == 3:
                harness.fake_services.resume()
            elif harness.fake_services.paused:
                published_when_asked.append(len(harness.fake_services.published))
                harness.waiters.follow()  # wakes the waiter, which asks again
            return await FakeServices.outcomes(harness.fake_services, command_ids)

        harness.fake_services.outcomes = outcomes  # type: ignore[method-assign]
        await harness.book()

        assert published_when_asked == [12, 12, 12]  # four parts; each chunk of three lines is one
        assert (await harness.state(batch.batch_id)).totals.accepted == 30

    async def test_a_line_is_complete_when_its_split_is_readable(self) -> None:
        lines = [valid_line(1)]
        outcome = booking.LineOutcome("r", 2, True, None, {})
        batch = receiving_batch()
        command = booking.command_id(batch.batch_id, 1)
        behind = booking.chunk_state(batch, lines, {command: outcome}, {"r": booking.LineSplit(1, 5, 0)})
        there = booking.chunk_state(batch, lines, {command: outcome}, {"r": booking.LineSplit(2, 5, 1)})
        assert (behind.results, behind.without_split) == ([], ["r"])
        assert [(result.outcome, result.exempt, result.excess) for result in there.results] == [
            ("already_reported", 5, 1)
        ]

    async def test_each_line_is_recorded_with_its_command(self) -> None:
        harness = PayrollHarness()
        batch, _ = await harness.receive(upload_of(file_of(report_line("a"), report_line("b", "23456", wage=13))))
        await harness.book()
        assert [(entry.subject, entry.action, entry.command, entry.request) for entry in harness.accesses.take()] == [
            ("card:card-12345", "report-earnings", booking.command_id(batch.batch_id, 1), batch.batch_id),
            ("card:card-23456", "report-earnings", booking.command_id(batch.batch_id, 2), batch.batch_id),
        ]

    @pytest.mark.parametrize("hold", [False, True])
    async def test_lines_are_published_when_their_entries_are_durable(self, *, hold: bool) -> None:
        harness = PayrollHarness()
        await harness.receive(upload_of(file_of(report_line("a"), report_line("b", "23456")), hold=hold))
        recorded_at_publish: list[set[str]] = []

        async def publish(records: Sequence[Record]) -> None:
            recorded_at_publish.append({entry.subject for entry in harness.accesses.lines.values()})
            await FakeServices.publish(harness.fake_services, records)

        harness.fake_services.publish = publish  # type: ignore[method-assign]
        await harness.book()

        assert recorded_at_publish
        assert all(subjects == {"card:card-12345", "card:card-23456"} for subjects in recorded_at_publish)

    @pytest.mark.parametrize("hold", [False, True])
    async def test_lines_that_cannot_be_recorded_are_not_published(self, *, hold: bool) -> None:
        harness = PayrollHarness()
        await harness.receive(upload_of(file_of(report_line("a")), hold=hold))
        harness.accesses.unreachable = True
        with pytest.raises(AutoReconnect):
            await harness.book()
        assert harness.fake_services.published == []
