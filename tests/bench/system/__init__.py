"""The whole system: reports enter at the gateway, extracts leave exports; and the floor of each."""

from __future__ import annotations

from typing import Final

from tests.bench.system import (
    accept,
    country,
    extract,
    huge_card,
    idle,
    one_report,
    payroll,
    rebuild,
    start,
    stored_bytes,
    through,
)

CASES: Final = (
    *accept.CASES,
    *through.CASES,
    *one_report.CASES,
    *idle.CASES,
    *payroll.CASES,
    *huge_card.CASES,
    *extract.CASES,
    *country.CASES,
    *rebuild.CASES,
    *start.CASES,
    *stored_bytes.CASES,
)
RATIOS: Final = (*accept.RATIOS, *through.RATIOS, *payroll.RATIOS, *huge_card.RATIOS, *extract.RATIOS)
