"""Reads what people and their files write: amounts, days, card numbers, phone numbers and texts. Pure.

Programs write øre as integers and days as YYYY-MM-DD; people write kroner and Danish days. Both mean the same values.
Every function takes time linear in the length of its text, and raises ``ValueError`` with a message that does not
repeat the text.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import date
from typing import Final, Literal

DecimalSign = Literal[",", "."]
"""The sign before the øre: a comma in Danish, a point in English. The other one separates thousands."""

LONGEST_NUMBER: Final = 40
"""Characters of an amount, a day or a number. Longer texts are refused before a pattern reads them."""

LONGEST_TEXT: Final = 5_000
"""Characters of a text, visible or not. No field holds a tenth of it."""

NOT_AN_AMOUNT: Final = "not an amount in kroner"
NEGATIVE_AMOUNT: Final = "the amount is negative"
NOT_WHOLE_ORE: Final = "not a whole number of øre"
NOT_A_DAY: Final = "not a day as DD-MM-YYYY or YYYY-MM-DD"
NOT_AN_ISO_DAY: Final = "not a day as YYYY-MM-DD"
NOT_A_CARD_NUMBER: Final = "not a card number of five digits"
NOT_A_PHONE_NUMBER: Final = "not a phone number"
LAST_BEFORE_FIRST: Final = "the last day lies before the first"
NOT_A_MONTH: Final = "not a month as YYYY-MM"
LAST_MONTH_BEFORE_FIRST: Final = "the last month lies before the first"
TOO_MANY_MONTHS: Final = "a period is at most 24 months"
YEAR_OR_PERIOD: Final = "give either year, or from and to"

_CARD_NUMBER_DIGITS: Final = 5
_KRONER_DIGITS: Final = 13
_GROUP: Final = 3
_CURRENCY: Final = re.compile(r"kr\.?|dkk", re.IGNORECASE)
_SPACES: Final = str.maketrans(dict.fromkeys("\u00a0\u2007\u2009\u202f", " "))
_MINUS_SIGNS: Final = ("-", "\u2212", "\u2013")
_WITHOUT_ORE: Final = (",-", ".-", ",\u2013", ".\u2013")
_WHOLE: Final = re.compile(r"-?[0-9]{1,16}")
_ISO_MONTH: Final = re.compile(r"(2019|20[2-9][0-9]|21[0-9][0-9])-(0[1-9]|1[0-2])")
_ISO_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_DANISH_DAY: Final = re.compile(r"([0-9]{1,2})([-./ ])([0-9]{1,2})\2([0-9]{4})")
_YEARS: Final = range(1900, 2200)
_PHONE: Final = re.compile(r"\(?(\+|00)?\(?([0-9][0-9 ()./-]*)")
_PHONE_DIGITS: Final = range(5, 16)
_DANISH_PHONE: Final = re.compile(r"(\+45)?([0-9]{2})([0-9]{2})([0-9]{2})([0-9]{2})")

# Unicode's Default_Ignorable_Code_Point, the other direction and annotation controls, and the C1 controls.
_INVISIBLE: Final = frozenset(
    chr(code)
    for first, last in (
        (0x80, 0x84), (0x86, 0x9F), (0xAD, 0xAD), (0x34F, 0x34F), (0x61C, 0x61C), (0x115F, 0x1160), (0x17B4, 0x17B5),
        (0x180B, 0x180F), (0x200B, 0x200F), (0x202A, 0x202E), (0x2060, 0x206F), (0x3164, 0x3164), (0xFE00, 0xFE0F),
        (0xFEFF, 0xFEFF), (0xFFA0, 0xFFA0), (0xFFF0, 0xFFFB), (0x1BCA0, 0x1BCA3), (0x1D173, 0x1D17A),
        (0xE0000, 0xE0FFF),
    )
    for code in range(first, last + 1)
)  # fmt: skip
_JOINERS: Final = frozenset("\u200c\u200d\ufe0e\ufe0f")
"""Parts of words in some scripts, and of emoji."""
_LINE_BREAKS: Final = frozenset("\x85\u2028\u2029")


def plain_text(text: str) -> str:
    """``text`` in Unicode's composed form (NFC), without invisible characters and direction controls.

    A joiner stays between two characters outside ASCII, because scripts and emoji need it. Every space becomes a plain
    one, and a line or paragraph separator a line feed. ASCII controls stay: fields refuse those that they cannot hold.
    A text that is longer than any field may be stays as it is, because the composed form can take quadratic time.
    """
    if text.isascii() or len(text) > LONGEST_TEXT:
        return text
    composed = unicodedata.normalize("NFC", text)
    kept: list[str] = []
    for place, character in enumerate(composed):
        if character in _INVISIBLE:
            if character in _JOINERS and kept and not kept[-1].isascii() and _is_joined(composed, place):
                kept.append(character)
        elif character in _LINE_BREAKS:
            kept.append("\n")
        else:
            kept.append(" " if unicodedata.category(character) == "Zs" else character)
    return unicodedata.normalize("NFC", "".join(kept))


def _is_joined(text: str, place: int) -> bool:
    """Whether a joiner joins two characters, or chooses the style of the one before it."""
    if text[place] in "\ufe0e\ufe0f":
        return True
    following = text[place + 1 : place + 2]
    return not following.isascii() and following not in _INVISIBLE


def amount(text: str, decimal_sign: DecimalSign) -> int:
    """The øre of an amount in kroner, negative after a minus.

    Read are ``1.234,50``, ``1234,5``, ``1 234,50 kr.``, ``100,-`` and ``kr. 100`` with a decimal comma. The signs of
    the other language are read where they cannot mean another amount: ``1234.50`` and ``1,234.50``, but neither
    ``1,234`` nor ``1.5``. Raises ``ValueError``.
    """
    if len(text) > LONGEST_NUMBER:
        raise ValueError(NOT_AN_AMOUNT)
    number = _without_currency(text.translate(_SPACES).strip())
    is_negative = number.startswith(_MINUS_SIGNS)
    number = _without_currency(number[1:].lstrip()) if is_negative else number
    if number.endswith(_WITHOUT_ORE):
        number = number[:-2]
    whole, ore = _parts(number, decimal_sign)
    digits = _ungrouped(whole)
    if not 0 < len(digits) <= _KRONER_DIGITS:
        raise ValueError(NOT_AN_AMOUNT)
    found = 100 * int(digits) + int(ore.ljust(2, "0"))
    return -found if is_negative else found


def _without_currency(text: str) -> str:
    """An amount without ``kr.``, ``kr`` or ``DKK`` before or after it."""
    before = _CURRENCY.match(text)
    if before is not None:
        return text[before.end() :].lstrip()
    for unit in ("kr.", "kr", "dkk"):
        if text.lower().endswith(unit):
            return text[: -len(unit)].rstrip()
    return text


def _parts(number: str, decimal_sign: DecimalSign) -> tuple[str, str]:
    """The kroner, with their separators, and one or two digits of øre, or none. Raises ``ValueError``."""
    other: DecimalSign = "." if decimal_sign == "," else ","
    for sign, thousands in ((decimal_sign, other), (other, decimal_sign)):
        whole, found, ore = number.rpartition(sign)
        if not found or len(ore) > 2 or sign in whole:
            continue
        is_own = sign == decimal_sign
        if _is_digits(ore) and (is_own or len(ore) == 2 or thousands in whole):
            return whole, ore
        raise ValueError(NOT_AN_AMOUNT)
    if other in number and decimal_sign in number:
        raise ValueError(NOT_AN_AMOUNT)
    if number.count(decimal_sign) == 1:
        raise ValueError(NOT_AN_AMOUNT)  # 1,234 is a thousand in English and no amount in Danish
    return number, ""


def _ungrouped(whole: str) -> str:
    """The digits of whole kroner, whose thousands may be separated by one sign. Raises ``ValueError``."""
    for separator in (".", ",", " "):
        first, *groups = whole.split(separator)
        if not groups:
            continue
        digits = first + "".join(groups)
        if 0 < len(first) <= _GROUP and {len(group) for group in groups} == {_GROUP} and _is_digits(digits):
            return digits
        raise ValueError(NOT_AN_AMOUNT)
    if not _is_digits(whole):
        raise ValueError(NOT_AN_AMOUNT)
    return whole


def _is_digits(text: str) -> bool:
    return text.isascii() and text.isdigit()


def whole_ore(text: str) -> int:
    """The øre of a whole number, as programs write amounts in a text. Raises ``ValueError``."""
    if not _WHOLE.fullmatch(text):
        raise ValueError(NOT_WHOLE_ORE)
    return int(text)


def iso_day(text: str) -> date:
    """The day of YYYY-MM-DD, in the years 1900 to 2199. Raises ``ValueError``."""
    if _ISO_DAY.fullmatch(text):
        try:
            found = date.fromisoformat(text)
        except ValueError:
            raise ValueError(NOT_AN_ISO_DAY) from None
        if found.year in _YEARS:
            return found
    raise ValueError(NOT_AN_ISO_DAY)


def iso_month(text: str) -> str:
    """A month YYYY-MM of the years 2019, the first with cards, to 2199. Raises ``ValueError``."""
    if _ISO_MONTH.fullmatch(text):
        return text
    raise ValueError(NOT_A_MONTH)


def day(text: str) -> date:
    """The day of DD-MM-YYYY, with ``-``, ``.``, ``/`` or a space and one or two digits, or of YYYY-MM-DD.

    Raises ``ValueError``.
    """
    match = _DANISH_DAY.fullmatch(text)
    try:
        return iso_day(text if match is None else f"{match[4]}-{match[3]:0>2}-{match[1]:0>2}")
    except ValueError:
        raise ValueError(NOT_A_DAY) from None


def card_number(text: str, *, zeros_lost: bool = False) -> str:
    """The five digits of a card number; spaces in it are removed.

    ``zeros_lost``: the text is from a spreadsheet, which removes leading zeros. Raises ``ValueError``.
    """
    digits = "".join(text.split()) if len(text) <= LONGEST_NUMBER else ""
    if zeros_lost and digits:
        digits = digits.rjust(_CARD_NUMBER_DIGITS, "0")
    if len(digits) != _CARD_NUMBER_DIGITS or not _is_digits(digits) or not digits.strip("0"):
        raise ValueError(NOT_A_CARD_NUMBER)
    return digits


def phone_number(text: str) -> str:
    """A phone number of 5 to 15 digits, in one form: ``+45 12 34 56 78``, ``12 34 56 78`` or ``+46701234567``.

    Spaces, hyphens, points, slashes and brackets may separate the digits; ``00`` is ``+``. Raises ``ValueError``.
    """
    match = _PHONE.fullmatch(text.strip()) if len(text) <= LONGEST_NUMBER else None
    if match is None:
        raise ValueError(NOT_A_PHONE_NUMBER)
    digits = re.sub(r"[^0-9]", "", match[2])
    if len(digits) not in _PHONE_DIGITS:
        raise ValueError(NOT_A_PHONE_NUMBER)
    number = f"+{digits}" if match[1] else digits
    danish = _DANISH_PHONE.fullmatch(number)
    return number if danish is None else " ".join(filter(None, danish.groups()))
