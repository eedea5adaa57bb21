"""The codes of the API as a citizen reads them. Danish; translated where they are shown."""

from __future__ import annotations

from typing import Final

from services.portals.texts import N_

DISPUTE: Final = {
    "wrong-amount": N_("Beløbet er forkert"),
    "wrong-dates": N_("Dagene er forkerte"),
    "not-paid": N_("Pengene er ikke udbetalt"),
    "not-my-work": N_("Der er ikke arbejdet for virksomheden"),
    "other": N_("Noget andet er forkert"),
}
"""Why a report is not right."""

_CORRECTION: Final = {
    "wrong-amount": N_("beløbet var forkert"),
    "wrong-period": N_("dagene var forkerte"),
    "wrong-card": N_("det var et forkert frikort"),
    "not-paid": N_("lønnen blev ikke udbetalt"),
    "reported-twice": N_("lønnen var indberettet to gange"),
}
ANSWER: Final = {
    "matches-payslip": N_("beløbet svarer til lønsedlen"),
    "matches-work-records": N_("dagene svarer til vagtplanen eller timesedlen"),
    "wage-paid": N_("lønnen er betalt"),
    "worked-here": N_("der er arbejdet for virksomheden"),
    "other": N_("der er en anden grund"),
}
"""Why the employer says that a disputed report is right."""
_ENDS: Final = {
    "dispute-withdrawn": N_("indsigelsen blev trukket tilbage"),
    "report-corrected": N_("arbejdsgiveren rettede indberetningen"),
    "report-withdrawn": N_("arbejdsgiveren trak indberetningen tilbage"),
    "report-stands": N_("kommunen har afgjort, at indberetningen er rigtig"),
}
_DECISIONS: Final = {
    "report-stands": N_("indberetningen er rigtig"),
    "employer-must-correct": N_("arbejdsgiveren skal rette indberetningen eller trække den tilbage"),
}
_REASONS: Final = {
    "corrected": _CORRECTION,
    "withdrawn": _CORRECTION,
    "disputed": DISPUTE,
    "dispute-answered": ANSWER,
    "dispute-decided": _DECISIONS,
    "dispute-ended": _ENDS,
}

COMPONENTS: Final = (
    ("wage_ore", N_("Løn")),
    ("holiday_pay_ore", N_("Feriepenge")),
    ("atp_ore", N_("ATP")),
    ("pension_ore", N_("Pension")),
)
"""What a wage consists of, and the names of its parts in the API."""

_WARNINGS: Final = {
    "near": N_("80 procent af beløbsgrænsen var brugt"),
    "reached": N_("Hele beløbsgrænsen var brugt"),
    "exceeded": N_("Der var tjent mere end beløbsgrænsen"),
}


def why(event: str, reason: str | None) -> str:
    """Why something happened to a report. Codes that are newer than these words are another reason."""
    return _REASONS.get(event, {}).get(reason or "", N_("en anden grund"))


def warned(threshold: str) -> str:
    """What a warning says."""
    return _WARNINGS.get(threshold, N_("Beløbsgrænsen var ved at være brugt"))
