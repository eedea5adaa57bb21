"""A builder of published statistics."""

from __future__ import annotations

from frikort_contracts.municipalities import MUNICIPALITIES
from frikort_contracts.statistics import MunicipalityStatistics, StatisticsPublished


def published(month: str, *, issued: int = 10) -> StatisticsPublished:
    return StatisticsPublished(
        month=month,
        method=1,
        employers=5,
        municipalities=tuple(
            MunicipalityStatistics(
                municipality=code,
                issued=issued,
                active=5,
                used=5,
                employers=5,
                exempt=120_000_00 if code == "101" else None,
                excess=None,
            )
            for code in sorted(MUNICIPALITIES)
        ),
        other_exempt=35_000_00,
        other_excess=None,
    )
