"""Which warnings are true of a year's reported earnings."""

from __future__ import annotations

from typing import Final

from frikort_contracts.balance import Threshold

NEAR_PERCENT: Final = 80


def thresholds_crossed(*, allowance: int, reported: int) -> tuple[Threshold, ...]:
    """The thresholds that ``reported`` has crossed (both in øre): 80 % used, all used, the first øre above."""
    if allowance == 0:
        # Only a withdrawal has arrived, of a report that is a dead letter: the allowance is not known yet.
        return ()
    if reported > allowance:
        return Threshold.NEAR, Threshold.REACHED, Threshold.EXCEEDED
    if reported == allowance:
        return Threshold.NEAR, Threshold.REACHED
    return (Threshold.NEAR,) if 100 * reported >= NEAR_PERCENT * allowance else ()
