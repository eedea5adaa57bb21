"""The job that publishes all statements again, as an operator starts it, over the real broker and database."""

from __future__ import annotations

import asyncio
import os
import sys
from typing import Any

from frikort_contracts.topics import AUTHORITY_SKAT, AUTHORITY_STAR, EXPORTS_JOBS

from deploy.local.system import LocalSystem
from services.runtime.settings import REPOSITORY
from tests.exports.test_extract_integration import Topics, a_card, topics, year
from tests.waiting import eventually

__all__ = ["topics", "year"]  # fixtures
CARDS_OF_THE_TEST = 5


async def command(system: LocalSystem, *arguments: str) -> str:
    """The output of ``python -m services.exports.jobs``."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "services.exports.jobs", *arguments),
        env={**os.environ, "FRIKORT_MONGODB": system.mongodb},
        cwd=REPOSITORY,
        stdout=asyncio.subprocess.PIPE,
    )
    output, _ = await process.communicate()
    assert process.returncode == 0
    return output.decode()


async def test_every_statement_is_published_again_with_the_same_content(
    system: LocalSystem,
    topics: Topics,
    year: int,
) -> None:
    made = [a_card(system, year, 100_000) for _ in range(CARDS_OF_THE_TEST)]
    for cards, balances in made:
        await topics.publish([*cards, *balances])
    mine = {cards[-1].key for cards, _ in made}

    def is_mine(event: Any) -> bool:
        return event.card_id in mine

    before = await topics.until(
        AUTHORITY_SKAT, is_mine, lambda found: {m.data.card_id for m in found if m.data.municipality == "849"} == mine
    )
    last = {m.data.card_id: m.data for m in before}

    job_id = (await command(system, "start", "republish-statements", "--rate", "50")).split()[0]

    for topic in (AUTHORITY_SKAT, AUTHORITY_STAR):
        after = await topics.until(
            topic, is_mine, lambda found: {m.data.card_id for m in found if str(m.correlation_id) == job_id} == mine
        )
        again = [m for m in after if str(m.correlation_id) == job_id]
        assert len(again) == CARDS_OF_THE_TEST
        if topic is AUTHORITY_SKAT:
            for message in again:
                stated = last[message.data.card_id]
                assert message.data == stated.model_copy(update={"revision": stated.revision + 1})
    messages = await topics.until(EXPORTS_JOBS, is_mine, lambda found: len(found) == CARDS_OF_THE_TEST)
    assert {str(m.correlation_id) for m in messages} == {job_id}

    async def is_done() -> bool:
        return any(job_id in line and " done " in line for line in (await command(system, "status")).splitlines())

    await eventually(is_done)
