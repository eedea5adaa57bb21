"""What an employer is told after a report, in plain words and in kroner."""

from __future__ import annotations

from services.gateway.formats import Language, kroner


def advice(*, exempt: int, excess: int, year: int, provisional: bool, language: Language) -> list[str]:
    """What to do now: what is paid without tax and kept out of eIndkomst, and what is ordinary wage."""
    danish = language is Language.DANISH
    free, above = kroner(exempt, language), kroner(excess, language)
    sentences: list[str] = []
    if exempt > 0:
        sentences.append(
            f"Udbetal {free} uden skat. Det beløb er frikortløn og må ikke indberettes til eIndkomst."
            if danish
            else f"Pay {free} without tax. That amount is card wage and must not be reported to eIndkomst."
        )
    if excess > 0:
        sentences.append(
            f"{above} er almindelig løn, for årets beløbsgrænse er brugt op: træk A-skat af det beløb, og indberet det "
            "til eIndkomst."
            if danish
            else f"{above} is ordinary wage, as the year's allowance is used up: deduct A-tax from that amount, and "
            "report it to eIndkomst."
        )
    if provisional:
        sentences.append(
            f"Beløbsgrænsen for {year} er foreløbig og kan blive ændret."
            if danish
            else f"The allowance of {year} is provisional and may change."
        )
    return sentences
