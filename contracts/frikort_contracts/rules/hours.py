"""Earnings converted to hours, for the 225-hour rule of the benefit systems.

Source: bekendtgørelse om socialt frikort: hours are not recorded; exempt earnings are divided by the year's conversion
rate and rounded to the nearest whole hour.
"""

from __future__ import annotations


def converted_hours(exempt: int, hourly_rate: int) -> int:
    """The hours that ``exempt`` (øre) counts as, at ``hourly_rate`` (øre an hour, positive). Half an hour rounds up."""
    return (2 * exempt + hourly_rate) // (2 * hourly_rate)
