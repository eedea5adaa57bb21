"""The check of a payroll file gives each line what reporting the file at that moment gives it (D6)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from contextlib import AsyncExitStack
from datetime import date
from typing import Any, Final

from hypothesis import given, settings
from hypothesis import strategies as st

from services.gateway.known_allowance import STEP
from services.gateway.payroll.checking import CHECKED_MOST
from tests.doors.doors import Entry, json_body
from tests.doors.world import World

# First day, last day and pay day: outside an employment, in the first one, and in the second one; the last is not yet.
_DAYS: Final = (
    (date(2022, 12, 31), date(2023, 1, 31), date(2025, 3, 31)),
    (date(2025, 3, 1), date(2025, 3, 31), date(2025, 3, 31)),
    (date(2025, 3, 10), date(2025, 3, 31), date(2025, 4, 2)),
    (date(2025, 12, 1), date(2025, 12, 31), date(2026, 1, 2)),
    (date(2026, 11, 11), date(2026, 11, 20), date(2026, 11, 20)),
    (date(2026, 11, 12), date(2026, 11, 20), date(2026, 11, 23)),
    (date(2026, 11, 11), date(2026, 11, 30), date(2026, 12, 24)),
)
_ENTRIES: Final = st.builds(
    lambda reference, days, **more: Entry(reference, *days, **more),
    reference=st.sampled_from(["a", "b", "c", "d", "e", "f"]),
    days=st.sampled_from(_DAYS),
    wage_ore=st.sampled_from([0, 1, 750_000, 1_500_001, 4_000_000, 10_000_001]),
    holiday_pay_ore=st.sampled_from([0, 93_750]),
    allow_duplicate=st.booleans(),
    allow_large_amount=st.booleans(),
)


def bodies_of(employments: Sequence[str], entries: Sequence[Entry]) -> list[dict[str, Any]]:
    """The reports as a program writes them, each for the employment that its work falls into."""
    return [json_body(one, employment_id=employments[one.work_first >= date(2026, 11, 11)]) for one in entries]


async def world_of(stack: AsyncExitStack) -> tuple[World, list[str]]:
    """An employer with two employments, one after the other, on one card."""
    world = await World.create(stack)
    return world, [world.employ(date(2023, 1, 1), date(2026, 11, 10)), world.employ(date(2026, 11, 11))]


async def report(world: World, entries: Sequence[dict[str, Any]]) -> list[str]:
    """Report one by one. Returns the ids of the accepted reports."""
    answers = [await world.api.post("/v1/reports", json=body, headers=world.headers) for body in entries]
    return [answer.json()["report_id"] for answer in answers if answer.status_code == 201]


async def check(world: World, bodies: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Upload a file to be checked, and let a worker check it. Returns the file."""
    sent = await world.send_file("\n".join(map(json.dumps, bodies)).encode(), "application/jsonl")
    assert (sent.status_code, sent.json()["status"]) == (201, "checking")
    await world.work(sent.json()["batch_id"])
    return await read(world, sent.json()["batch_id"])


async def read(world: World, batch_id: str) -> dict[str, Any]:
    found: dict[str, Any] = (await world.api.get(f"/v1/report-batches/{batch_id}", headers=world.headers)).json()
    return found


def decision(found: dict[str, Any]) -> tuple[Any, ...]:
    """What a line got, or would get: without the ids and line numbers that differ before and after."""
    code = None if found["problem"] is None else found["problem"]["code"]
    return found["result"], found["corrected_since"], found["reported_ore"], code


def keeps_its_word(check: dict[str, Any], line: dict[str, Any]) -> bool:
    """Whether a line got a split that its check named: at least so much exempt, and at most so much above."""
    before, after = check["split"], line["split"]
    if before is None or after is None:
        return before is after
    is_exact = before["excess_at_most_ore"] == 0
    slack: int = after["exempt_ore"] - before["exempt_at_least_ore"]
    keeps = slack == 0 if is_exact else 0 <= slack < STEP
    return keeps and bool(before["provisional"] == after["provisional"])


@given(st.lists(_ENTRIES, max_size=4), st.data(), st.lists(_ENTRIES, min_size=1, max_size=8))
@settings(max_examples=30, deadline=None)
def test_d6_the_check_of_a_file_decides_as_its_report_does(
    earlier: list[Entry], data: Any, entries: list[Entry]
) -> None:
    async def run() -> None:
        async with AsyncExitStack() as stack:
            world, employments = await world_of(stack)
            accepted = await report(world, bodies_of(employments, earlier))
            for report_id in accepted:
                if data.draw(st.booleans(), "is withdrawn"):
                    body = {"reason": "not-paid"}
                    await world.api.post(f"/v1/reports/{report_id}/withdrawal", json=body, headers=world.headers)
            bodies = bodies_of(employments, [*entries, *earlier])
            before = dict(world.services.states)

            checked = await check(world, bodies)
            expected = await world.lines(checked["batch_id"])
            assert world.services.states == before, "a check changes nothing"
            booked = await world.book(checked["batch_id"])
            done = await read(world, checked["batch_id"])

            assert [decision(line["check"]) for line in expected] == [decision(line) for line in booked]
            assert all(map(keeps_its_word, (line["check"] for line in expected), booked))
            counts = done["counts"]
            assert {name: checked["check"][name] for name in ("accepted", "already_reported", "refused")} == {
                name: counts[name] for name in ("accepted", "already_reported", "refused")
            }
            assert checked["check"]["exempt_at_least_ore"] <= done["exempt_ore"]
            assert checked["check"]["excess_at_most_ore"] >= done["excess_ore"]

    asyncio.run(run())


async def test_d6_a_line_counts_those_before_it_in_the_file(world: World) -> None:
    employment = world.employ(date(2026, 1, 1))
    january = date(2026, 1, 1), date(2026, 1, 31), date(2026, 1, 31)
    first = Entry("first", *january, wage_ore=4_000_000)
    entries = [first, first, first.changed(reference="copy"), first.changed(reference="more", wage_ore=1_000_000)]
    checked = await check(world, [json_body(entry, employment_id=employment) for entry in entries])
    lines = [line["check"] for line in await world.lines(checked["batch_id"])]
    assert [line["result"] for line in lines] == ["accepted", "already_reported", "refused", "accepted"]
    assert lines[2]["problem"]["code"] == "possible-duplicate"
    assert "It looks like line 1." in lines[2]["problem"]["detail"]
    assert lines[3]["split"] == {"exempt_at_least_ore": 200_000, "excess_at_most_ore": 800_000, "provisional": True}
    assert checked["check"]["over_allowance"] == 1


async def test_the_check_refuses_the_lines_beyond_the_limit_of_the_card_and_year(world: World) -> None:
    """Also where each of the card's employments has fewer lines."""
    employments = [world.employ(date(2025, 1, 1), date(2025, 1, 31)), world.employ(date(2025, 2, 1))]
    world.allow_reports(2)
    days = [date(2025, month, 28) for month in (1, 2, 3)]
    bodies = [json_body(Entry(f"{day}", day, day, day), employment_id=employments[day.month > 1]) for day in days]
    checked = await check(world, bodies)
    lines = [line["check"] for line in await world.lines(checked["batch_id"])]
    assert [line["result"] for line in lines] == ["accepted", "accepted", "refused"]
    assert lines[2]["problem"]["code"] == "too-many-reports"
    booked = await world.book(checked["batch_id"])
    assert [decision(line) for line in lines] == [decision(line) for line in booked]


async def test_d6_a_file_of_one_line_is_decided_as_a_single_dry_run_is(world: World) -> None:
    employment = world.employ(date(2025, 1, 1))
    body = json_body(Entry(wage_ore=4_500_000), employment_id=employment)
    single = (await world.api.post("/v1/reports/dry-run", json=body, headers=world.headers)).json()
    checked = await check(world, [body])
    assert checked["check"]["exempt_at_least_ore"] == single["exempt_at_least_ore"]
    assert checked["check"]["excess_at_most_ore"] == single["excess_at_most_ore"] > 0


async def test_s8_the_check_shows_no_split_where_a_dry_run_is_too_late(world: World) -> None:
    employment = world.employ(date(2025, 1, 1), date(2025, 12, 31))
    checked = await check(world, [json_body(Entry(), employment_id=employment)])
    (line,) = await world.lines(checked["batch_id"])
    assert (line["check"]["result"], line["check"]["split"]) == ("accepted", None)
    assert (checked["check"]["split_unshown"], checked["check"]["exempt_at_least_ore"]) == (1, 0)


async def test_d6_only_the_first_hundred_lines_of_a_card_are_checked(world: World) -> None:
    employment = world.employ(date(2025, 1, 1))
    bodies = [json_body(Entry(reference="same"), employment_id=employment) for _ in range(CHECKED_MOST - 1)]
    bodies += [json_body(Entry(reference=name, wage_ore=1), employment_id=employment) for name in ("last", "unchecked")]
    checked = await check(world, bodies)
    counts = checked["check"]
    assert (counts["accepted"], counts["already_reported"], counts["refused"]) == (2, CHECKED_MOST - 2, 0)


async def test_d6_the_check_is_in_the_access_log_of_the_citizen(world: World) -> None:
    employment = world.employ(date(2025, 1, 1))
    await check(world, [json_body(Entry(), employment_id=employment)])
    assert "try-report" in {entry.action for entry in world.gateway.accesses.take()}
