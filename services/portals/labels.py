"""The texts of problems for people. The API's own texts about keys and fields are written for programs."""

from __future__ import annotations

from gettext import NullTranslations
from typing import Final

from services.portals.api import Refused
from services.portals.texts import N_

_TEXTS: Final = {
    "invalid-request": N_("Noget er ikke udfyldt rigtigt. Ret det, og send igen."),
    "idempotency-key-reused": N_(
        "Formularen er allerede sendt med andre oplysninger. Se efter, om det, du ville, er sket, før du sender den "
        "igen."
    ),
    "temporarily-unavailable": N_(
        "Vi kan ikke modtage det lige nu. Vent et øjeblik, og send igen. Det bliver ikke registreret to gange."
    ),
    "internal-error": N_(
        "Der skete en fejl hos os. Vent et øjeblik, og send igen. Det bliver ikke registreret to gange."
    ),
    "too-many-attempts": N_(
        "Der er prøvet for mange forkerte frikortnumre eller fødselsdatoer. Spørg borgeren igen, og vent lidt, før du "
        "prøver igen. Ventetiden vokser for hvert forkert forsøg, fra få sekunder til flere dage."
    ),
    "card-numbers-exhausted": N_("Vi kunne ikke finde et ledigt frikortnummer. Prøv igen, eller kontakt driften."),
    "possible-duplicate": N_(
        "Indberetningen ligner en, som vi allerede har modtaget. Er det en anden betaling, så sæt flueben ved det, og "
        "send igen. Ellers skal du ikke gøre noget."
    ),
    "amount-too-large": N_("Beløbet er for stort. En indberetning kan højst være på 1 million kroner."),
    "amount-unusual": N_(
        "Er beløbet rigtigt? Det er usædvanligt meget for en lønudbetaling. Ret det, eller sæt flueben ved, at det er "
        "rigtigt."
    ),
    "employment-unknown": N_("Ansættelsen findes ikke, eller den hører til en anden virksomhed."),
    "report-unknown": N_("Indberetningen findes ikke, eller den hører til en anden virksomhed."),
    "extract-unknown": N_("Udtrækket findes ikke, eller det hører til en anden myndighed."),
}


def problem_text(refused: Refused, translations: NullTranslations) -> str:
    """What is wrong and what to do, in the language of ``translations``, in which the API answered too."""
    text = _TEXTS.get(refused.code)
    if text is not None:
        return translations.gettext(text)
    return f"{refused.problem.title}. {refused.problem.detail}"
