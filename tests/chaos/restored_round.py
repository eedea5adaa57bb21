"""The round of a database that is restored without its consumer group: it is refused, until the group is reset."""

from __future__ import annotations

import asyncio
from typing import Final

from services.balance.processor import LEDGERS
from services.runtime import exit_codes
from tests.chaos.round_context import RoundContext
from tests.chaos.timing import for_seconds, until
from tests.restored_database import back_up, reset_group, restore

_SERVICE: Final = "balance"
_NEWER_SECONDS: Final = 3.0
_REFUSED_WITHIN: Final = 60.0


async def restored(on: RoundContext) -> None:
    """Restore the database of balance while others work; its group is reset after both instances refused to start."""
    environment = on.environment
    uri, names = environment.system.mongodb, environment.instances(_SERVICE)
    await environment.terminate(*names)
    backup = await asyncio.to_thread(back_up, uri, _SERVICE)
    await environment.start(names)
    await for_seconds(_NEWER_SECONDS)
    await environment.terminate(*names)
    await asyncio.to_thread(restore, uri, _SERVICE, backup)

    processes = [environment.process(name) for name in names]
    for process in processes:
        process.start()
        environment.expected_end(process.name)

    async def all_ended() -> bool:
        return not any(process.alive for process in processes)

    await until(all_ended, within=_REFUSED_WITHIN, what="the refusal of a restored database")
    codes = {process.exit_code for process in processes}
    if codes != {exit_codes.UNSAFE_SETTING}:
        on.load.journal.surprises.append(f"a restored database was refused with {codes}")
    await reset_group(environment.system.access, _SERVICE, LEDGERS)
    await environment.start(names)
