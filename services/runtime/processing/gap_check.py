"""Checks that no record is missing before a batch, and does not believe a gap at once.

A broker that was interrupted may answer for a moment that a group has committed nothing. The client has read the right
position before or after it, so its first record seems to follow a gap from the first record of the topic.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final

import structlog

from services.runtime.backoff import delays, is_set_within
from services.runtime.processing.apply import Incoming
from services.runtime.processing.positions import Partition, Positions, RecordsLost, StartOffset

logger = structlog.get_logger(__name__)

_ANSWERS: Final = 6
StartOffsets = Callable[[Sequence[Partition]], Awaitable[Mapping[Partition, StartOffset]]]


async def is_complete(
    batch: Sequence[Incoming],
    positions: Positions,
    start_offsets: StartOffsets,
    *,
    retryable: tuple[type[Exception], ...],
    draining: asyncio.Event,
) -> bool:
    """Whether no record is missing before or in ``batch``; False if a drain ended the check.

    Records that the group has committed are not missing. Raises ``RecordsLost`` if some are after several answers.
    """
    backoff_delays, answers = delays(), 0
    while True:
        try:
            positions.check_complete(batch)
        except RecordsLost as lost:
            place = lost.partition
            try:
                start = (await start_offsets([place]))[place]
            except retryable as error:
                logger.warning("runtime.positions_wait", topic=place.topic, reason=type(error).__name__)
            else:
                if positions.were_read(lost, start.committed):
                    logger.warning("runtime.position_corrected", topic=place.topic, partition=place.partition)
                    continue
                answers += 1
                if answers == _ANSWERS:
                    raise
        else:
            return True
        if await is_set_within(draining, next(backoff_delays)):
            return False
