"""Settings of reporting, beyond those of every service."""

from __future__ import annotations

from pydantic import Field

from services.reporting.rules import MOST_A_CARD, MOST_A_YEAR
from services.runtime.settings import RuntimeSettings


class ReportingSettings(RuntimeSettings):
    """Read from ``FRIKORT_`` and the field's name in capitals."""

    reports_per_year: int = Field(
        default=MOST_A_YEAR, ge=1, description="Most reports and corrections of one card in one payment year."
    )
    reports_per_card: int = Field(
        default=MOST_A_CARD, ge=1, description="Most reports and corrections of one card in all its years."
    )
