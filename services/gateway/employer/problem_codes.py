"""The problem codes that several operations of employers can answer."""

from __future__ import annotations

from typing import Final

EMPLOYMENT: Final = ("employment-unknown",)
ALLOWANCE: Final = ("year-without-allowance", "year-provisional")
CONTENT: Final = (
    "card-not-active",
    "work-outside-employment",
    "payment-in-future",
    "payment-before-work",
    "amount-zero",
    "amount-too-large",
    "amount-unusual",
    *ALLOWANCE,
    "year-closed",
    "too-many-reports",
)
REPORT: Final = (*EMPLOYMENT, *CONTENT, "own-business", "reference-reused", "possible-duplicate", "report-withdrawn")
