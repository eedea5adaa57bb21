"""The command that operators use for the amounts of a year, and processes that follow it."""

from __future__ import annotations

import asyncio
from datetime import date
from typing import Any, Final, cast

from services.runtime import exit_codes
from services.runtime.years.followed import FollowedAllowances
from tests.operations import command
from tests.operations.harness import Harness
from tests.waiting import eventually

BO: Final = ("--by", "Bo", "--reason", "the ministry's news")
ANN: Final = ("--by", "Ann", "--reason", "read and compared")
NEW_YEAR: Final = date(2031, 1, 1)
RUNTIME: Final = cast("Any", None)


async def years(harness: Harness, *arguments: str) -> tuple[int, str]:
    """``python -m services.runtime.years`` with ``arguments``: its exit code, and its answer or its refusal."""
    code, out, err = await asyncio.to_thread(command.run, command.YEARS, arguments, harness.environment())
    return code, out or err


async def test_running_processes_follow_a_change_that_two_people_made(harness: Harness) -> None:
    running = FollowedAllowances.from_settings(harness.settings)
    following = asyncio.create_task(running.follow(RUNTIME))

    async def allowance() -> int | None:
        row = running.in_force(2031, NEW_YEAR)
        return None if row is None else row.allowance

    async def closed() -> bool:
        return 2031 in running.closed

    async def open_again() -> bool:
        return 2031 not in running.closed

    try:
        amounts = ("--allowance", "45.000", "--income-limit", "11.250,00", "--hourly-rate", "301,25")
        code, out = await years(harness, "enter", "2031", *amounts, *BO)
        assert code == exit_codes.DONE
        assert "2031/1  open  entered by Bo: the ministry's news  waits for a second person" in out
        assert "allowance 45.000,00  income limit 11.250,00  hourly rate 301,25  final" in out

        code, out = await years(harness, "confirm", "2031/1", *BO)
        assert (code, "another person confirms it" in out) == (exit_codes.NOT_DONE, True)
        assert await allowance() is None

        assert await years(harness, "confirm", "2031/1", *ANN) == (
            exit_codes.DONE,
            "2031/1 confirmed and published\n",
        )
        assert await eventually(allowance, within=30, what="the amounts are followed") == 4_500_000

        assert (await years(harness, "close", "2031", *BO))[0] == exit_codes.DONE
        assert (await years(harness, "confirm", "2031/2", *ANN))[0] == exit_codes.DONE
        await eventually(closed, within=30, what="the year is closed")
        code, out = await years(harness, "enter", "2031", *amounts, *BO)
        assert (code, out) == (exit_codes.NOT_DONE, "2031 is closed; open it first\n")

        assert (await years(harness, "open", "2031", *BO))[0] == exit_codes.DONE
        assert (await years(harness, "confirm", "2031/3", *ANN))[0] == exit_codes.DONE
        await eventually(open_again, within=30, what="the year is open")

        # A confirmation whose publishing failed is repeated.
        assert (await years(harness, "confirm", "2031/3", *ANN))[0] == exit_codes.DONE
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)

    started_later = FollowedAllowances.from_settings(harness.settings)
    await started_later.catch_up(RUNTIME)
    assert (started_later.years, started_later.closed) == (running.years, running.closed)
    assert (await years(harness, "list"))[1].count("confirmed by Ann: read and compared") == 3


async def test_a_change_can_be_rejected_and_a_missing_one_is_refused(harness: Harness) -> None:
    assert (await years(harness, "close", "2019", *BO))[0] == exit_codes.DONE
    assert await years(harness, "reject", "2019/1", *BO) == (exit_codes.DONE, "2019/1 rejected\n")
    assert await years(harness, "confirm", "2019/7", *ANN) == (exit_codes.NOT_DONE, "there is no change 2019/7\n")
