"""Payment instructions after a report, in plain words and in kroner. Pure."""

from __future__ import annotations

from services.gateway.formats import Language, kroner


def payment_instructions(*, exempt: int, excess: int, year: int, provisional: bool, language: Language) -> list[str]:
    """Which part to pay without tax and keep out of eIndkomst, and which part is ordinary wage."""
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
