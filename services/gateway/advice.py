"""What an employer is told after a report, in plain words and in kroner."""

from __future__ import annotations

from services.gateway.formats import Language, kroner


def advice(*, exempt: int, excess: int, year: int, provisional: bool, language: Language) -> list[str]:
    """What to do now: first the excess, then the reminder that saves most mistakes."""
    danish = language is Language.DANISH
    free, above = kroner(exempt, language), kroner(excess, language)
    sentences: list[str] = []
    if excess > 0:
        sentences.append(
            f"Årets beløbsgrænse er brugt op: {above} skal udbetales som almindelig løn og indberettes til eIndkomst "
            "som A-indkomst med skat."
            if danish
            else f"The year's allowance is used up: pay {above} as ordinary wage, and report it to eIndkomst as "
            "A-income with tax."
        )
    if exempt > 0:
        sentences.append(
            f"{free} er skattefri frikortløn og må ikke indberettes til eIndkomst."
            if danish
            else f"{free} is tax-free card wage and must not be reported to eIndkomst."
        )
    if provisional:
        sentences.append(
            f"Beløbsgrænsen for {year} er foreløbig og kan blive ændret."
            if danish
            else f"The allowance of {year} is provisional and may change."
        )
    return sentences
