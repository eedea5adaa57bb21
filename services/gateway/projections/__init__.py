"""The read models: pure projections of the events, one file each. They can be dropped and rebuilt from the log.

Topics are consumed independently, so events of different topics arrive in either order. Each projection keeps the
revision of every subject that it shows and ignores events that are not newer.
"""

from __future__ import annotations

from typing import Any, Final

from services.gateway.projections import (
    cards,
    employments,
    evidence,
    extract_files,
    extracts,
    ledgers,
    outcomes,
    reconciliations,
    reports,
    statistics,
)
from services.runtime.processing.projection import Projection

PROJECTIONS: Final[tuple[Projection[Any], ...]] = (
    cards.PROJECTION,
    employments.PROJECTION,
    reports.PROJECTION,
    ledgers.PROJECTION,
    outcomes.PROJECTION,
    extracts.PROJECTION,
    extracts.PARTS_PROJECTION,
    extract_files.PROJECTION,
    reconciliations.PROJECTION,
    statistics.PROJECTION,
    evidence.PROJECTION,
)
