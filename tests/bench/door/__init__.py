"""What goes in by the gateway's door and out by exports', against the least that could do it."""

from __future__ import annotations

from typing import Final

from tests.bench.door import accept, extract, payroll, start, through

CASES: Final = (*accept.CASES, *through.CASES, *payroll.CASES, *extract.CASES, *start.CASES)
RATIOS: Final = (*accept.RATIOS, *through.RATIOS, *payroll.RATIOS, *extract.RATIOS)
