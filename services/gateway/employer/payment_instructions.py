"""Payment instructions for a report, in plain words and in kroner. Pure.

They hold before and after the payment: none of them can be read as a request to pay, or to pay again.
"""

from __future__ import annotations

from services.gateway.formats import Language, kroner


def payment_instructions(*, exempt: int, excess: int, year: int, provisional: bool, language: Language) -> list[str]:
    """Which part is exempt and stays out of eIndkomst, and which part is ordinary wage."""
    danish = language is Language.DANISH
    free, above = kroner(exempt, language), kroner(excess, language)
    sentences: list[str] = []
    if exempt > 0:
        sentences.append(
            f"{free} er skattefri frikortløn. Træk ikke skat, og indberet den ikke til eIndkomst."
            if danish
            else f"{free} is exempt card wage. Deduct no tax, and do not report it to eIndkomst."
        )
    if excess > 0:
        sentences.append(
            f"{above} er almindelig løn, for årets beløbsgrænse er brugt op. Træk AM-bidrag og A-skat af det beløb, "
            "og indberet det til eIndkomst."
            if danish
            else f"{above} is ordinary wage, as the year's allowance is used up. Deduct labour market contribution and "
            "A-tax from that amount, and report it to eIndkomst."
        )
    return sentences + _provisional(year, provisional=provisional, language=language)


def expected_instructions(*, exempt: int, excess: int, year: int, provisional: bool, language: Language) -> list[str]:
    """As ``payment_instructions`` before a report: at least ``exempt`` and at most ``excess``."""
    if excess == 0:
        return payment_instructions(exempt=exempt, excess=excess, year=year, provisional=provisional, language=language)
    danish = language is Language.DANISH
    free, above = kroner(exempt, language), kroner(excess, language)
    sentences: list[str] = []
    if exempt > 0:
        sentences.append(
            f"Mindst {free} er skattefri frikortløn." if danish else f"At least {free} is exempt card wage."
        )
    sentences.append(
        f"Op til {above} er almindelig løn, for årets beløbsgrænse er næsten eller helt brugt op. "
        "Når lønnen er indberettet, står det præcise beløb på kvitteringen. "
        "Træk AM-bidrag og A-skat af det, og indberet det til eIndkomst."
        if danish
        else f"Up to {above} is ordinary wage, as the year's allowance is nearly or wholly used up. "
        "Once the wage is reported, the receipt has the exact amount. "
        "Deduct labour market contribution and A-tax from it, and report it to eIndkomst."
    )
    return sentences + _provisional(year, provisional=provisional, language=language)


def _provisional(year: int, *, provisional: bool, language: Language) -> list[str]:
    if not provisional:
        return []
    if language is Language.DANISH:
        return [f"Beløbsgrænsen for {year} er foreløbig og kan blive ændret."]
    return [f"The allowance of {year} is provisional and may change."]
