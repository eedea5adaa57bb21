"""One command rebuilds documents at a time, on a real MongoDB."""

from __future__ import annotations

import pytest

from services.runtime.rebuild.claim import Claim
from services.runtime.rebuild.replay import RebuildStopped
from tests.exports.harness import Exports


def claim_on(exports: Exports, said: list[str] | None = None, *, lease: float = 1.0) -> Claim:
    lines = list[str]() if said is None else said
    return Claim(exports.database["rebuilds"], "statements", lines.append, lease=lease)


async def test_a_second_command_stops_while_the_first_one_runs(exports: Exports) -> None:
    said: list[str] = []
    async with claim_on(exports).held():
        with pytest.raises(RebuildStopped, match="another command rebuilds statements"):
            async with claim_on(exports, said).held():
                pytest.fail("two at once")
    assert [line for line in said if "waits" in line] == said != []
    async with claim_on(exports, said).held():
        assert len(said) == 1, "after the first has ended nobody waits"


async def test_the_claim_of_a_command_that_was_killed_expires(exports: Exports) -> None:
    paused = claim_on(exports, lease=30)
    async with paused.held():
        await exports.database["rebuilds"].update_one({"_id": "statements/claim"}, {"$set": {"lease_until": 0}})
        async with claim_on(exports).held():
            with pytest.raises(RebuildStopped, match="did not run for a while"):
                await paused.check()
