"""Dates, times and money in Danish and English, formatted by Babel."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Final

from babel.dates import format_date, format_datetime
from babel.numbers import format_decimal
from frikort_contracts.values import COPENHAGEN


class Language(StrEnum):
    """The two languages of every text that a person may read."""

    DANISH = "da"
    ENGLISH = "en"


# The day before the month in English too: 21 November 2026.
_DAY: Final = {Language.DANISH: "d. MMMM y", Language.ENGLISH: "d MMMM y"}
_MOMENT: Final = {Language.DANISH: "d. MMMM y 'kl.' HH.mm", Language.ENGLISH: "d MMMM y 'at' HH:mm"}
_CLOCK: Final = {Language.DANISH: "HH.mm", Language.ENGLISH: "HH:mm"}
_MONTH: Final = "LLLL y"


def kroner(ore: int, language: Language) -> str:
    """``16.500,00 kr.`` in Danish, ``16,500.00 kr.`` in English."""
    return f"{format_decimal(Decimal(ore).scaleb(-2), format='#,##0.00', locale=language)} kr."


def whole_kroner(ore: int, language: Language) -> str:
    """``16.500`` in Danish, ``16,500`` in English: for the axis of a chart, without øre."""
    return format_decimal(ore // 100, format="#,##0", locale=language)


def day(moment: date, language: Language) -> str:
    """``21. november 2026`` in Danish, ``21 November 2026`` in English."""
    return format_date(moment, format=_DAY[language], locale=language)


def moment(time: datetime, language: Language) -> str:
    """``21. november 2026 kl. 14.30`` in Danish, ``21 November 2026 at 14:30`` in English; the time in Denmark."""
    return format_datetime(time, format=_MOMENT[language], tzinfo=COPENHAGEN, locale=language)


def clock(time: datetime, language: Language) -> str:
    """``14.30`` in Danish, ``14:30`` in English; the time in Denmark."""
    return format_datetime(time, format=_CLOCK[language], tzinfo=COPENHAGEN, locale=language)


def cpr(number: str) -> str:
    """``010190-1234``: a CPR number, given with or without the hyphen."""
    digits = number.replace("-", "")
    return f"{digits[:6]}-{digits[6:]}"


def month(moment: date, language: Language) -> str:
    """``november 2026`` in Danish, ``November 2026`` in English."""
    return format_date(moment, format=_MONTH, locale=language)


def month_name(number: int, language: Language, *, short: bool = False) -> str:
    """``november`` in Danish, ``November`` in English; ``short``: ``nov.`` and ``Nov``."""
    return format_date(date(2000, number, 1), format="LLL" if short else "LLLL", locale=language)
