"""The codes of the API as a citizen reads them. Danish; translated where they are shown."""

from __future__ import annotations

from typing import Final

from services.gateway.portals.texts import N_

DISPUTE: Final = {
    "wrong-amount": N_("Beløbet er forkert"),
    "wrong-dates": N_("Dagene er forkerte"),
    "not-paid": N_("Pengene er ikke udbetalt"),
    "not-my-work": N_("Der er ikke arbejdet for virksomheden"),
    "other": N_("Noget andet er forkert"),
}
"""Why a report is not right."""

CORRECTION: Final = {
    "wrong-amount": N_("beløbet var forkert"),
    "wrong-period": N_("dagene var forkerte"),
    "wrong-card": N_("det var et forkert frikort"),
    "not-paid": N_("lønnen blev ikke udbetalt"),
    "reported-twice": N_("lønnen var indberettet to gange"),
    "other": N_("en anden grund"),
}
"""Why an employer corrected or withdrew a report."""

COMPONENTS: Final = (
    ("wage_ore", N_("Løn")),
    ("holiday_pay_ore", N_("Feriepenge")),
    ("atp_ore", N_("ATP")),
    ("pension_ore", N_("Pension")),
)
"""What a wage consists of, and the names of its parts in the API."""

THRESHOLD: Final = {
    "near": N_("80 procent af årets beløb var brugt"),
    "reached": N_("Hele årets beløb var brugt"),
    "exceeded": N_("Der var tjent mere end årets beløb"),
}
"""What a warning says."""
