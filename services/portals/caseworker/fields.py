"""The fields that only caseworkers fill in, and the reasons for looking a citizen up."""

from __future__ import annotations

from typing import Any, Final

from frikort_contracts.http.audit import access_reason
from frikort_contracts.rules import reading

from services.portals.forms import Field, Fields, Form, choice, parse_cpr, text
from services.portals.texts import N_

# The citizen reads these in the audit log, which is Danish whatever language the caseworker uses.
REASONS: Final = {
    "contact": N_("Borgeren har henvendt sig"),
    "grant": N_("Ny bevilling"),
    "control": N_("Kontrol"),
    "dispute": N_("Indsigelse"),
    "other": N_("Andet"),
}
WHY: Final[Fields] = {
    "why": choice(*REASONS, missing=N_("Vælg, hvorfor du slår op.")),
    "why_text": text(optional=True),
}


def cpr_or_card_number() -> Field:
    """A CPR number or a card number; the value is the request body of a search."""
    return Field(
        lambda typed, _: _search(typed),
        lambda value, _: str(value),
        N_("Skriv et CPR-nummer eller et frikortnummer."),
        N_("Skriv et CPR-nummer med ti cifre eller et frikortnummer med fem cifre."),
    )


def reason_of(form: Form) -> str:
    """The text of the Access-Reason header; empty, with an error at the field, if the reason is not usable."""
    why, more = form.body.get("why", ""), form.body.get("why_text", "")
    if why == "other" and not more:
        form.add_error("why_text", form.translations.gettext(N_("Skriv, hvorfor du slår op.")))
        return ""
    reason = f"{REASONS.get(why, '')}: {more}" if more else REASONS.get(why, "")
    try:
        return access_reason(reason) if reason else ""
    except ValueError:
        text = N_("Skriv det kort, højst 150 tegn, og uden CPR-nummer og navn. Borgeren kan læse det.")
        form.add_error("why_text", form.translations.gettext(text))
        return ""


def _search(typed: str) -> dict[str, Any]:
    try:
        return {"number": reading.card_number(typed)}
    except ValueError:
        return {"cpr": parse_cpr(typed)}
