"""What is wrong with a field: a stable code and a text in Danish and English, by pydantic's error. Never the value."""

from __future__ import annotations

from typing import Final

from frikort_contracts.rules import reading

from services.gateway.formats import Language

FieldText = tuple[str, str, str]
"""A code, and what it means in Danish and in English."""

_BY_TYPE: Final[dict[str, FieldText]] = {
    "missing": ("missing", "Feltet mangler.", "The field is missing."),
    "extra_forbidden": ("unknown-field", "Feltet findes ikke.", "There is no such field."),
    "repeated": ("repeated", "Feltet er der mere end én gang.", "The field is there more than once."),
    "int_type": ("not-an-integer", "Skal være et helt tal.", "Must be a whole number."),
    "int_parsing": ("not-an-integer", "Skal være et helt tal.", "Must be a whole number."),
    "int_from_float": ("not-an-integer", "Skal være et helt tal.", "Must be a whole number."),
    "bool_type": ("not-a-boolean", "Skal være true eller false.", "Must be true or false."),
    "string_type": ("not-a-string", "Skal være en tekst.", "Must be a text."),
    "string_too_short": ("too-short", "Teksten er for kort.", "The text is too short."),
    "string_too_long": ("too-long", "Teksten er for lang.", "The text is too long."),
    "string_pattern_mismatch": ("wrong-format", "Formen er forkert.", "The form is wrong."),
    "greater_than_equal": ("too-small", "Tallet er for lille.", "The number is too small."),
    "less_than_equal": ("too-large", "Tallet er for stort.", "The number is too large."),
    "enum": ("not-an-allowed-value", "Er ikke en af de mulige værdier.", "Is not one of the possible values."),
    "model_attributes_type": ("not-an-object", "Skal være et objekt.", "Must be an object."),
    "dict_type": ("not-an-object", "Skal være et objekt.", "Must be an object."),
    "model_type": ("not-an-object", "Skal være et objekt.", "Must be an object."),
}
_BY_MESSAGE: Final[dict[str, FieldText]] = {
    "not a CVR number (8 digits, modulus 11)": (
        "not-a-cvr-number",
        "Er ikke et CVR-nummer (8 cifre, modulus 11).",
        "Is not a CVR number (8 digits, modulus 11).",
    ),
    "a CPR number has ten digits": ("not-a-cpr-number", "Et CPR-nummer har ti cifre.", "A CPR number has ten digits."),
    "a CPR number begins with a date": (
        "not-a-cpr-number",
        "Et CPR-nummer begynder med en dato, der findes.",
        "A CPR number begins with a date that exists.",
    ),
    "must not contain a CPR number": (
        "contains-cpr-number",
        "Må ikke indeholde et CPR-nummer.",
        "Must not contain a CPR number.",
    ),
    "not one of the 98 municipality codes": (
        "not-a-municipality-code",
        "Er ikke en af de 98 kommunekoder.",
        "Is not one of the 98 municipality codes.",
    ),
    reading.LAST_BEFORE_FIRST: (
        "last-before-first",
        "Den sidste dag ligger før den første.",
        "The last day lies before the first.",
    ),
    reading.LAST_MONTH_BEFORE_FIRST: (
        "last-month-before-first",
        "Den sidste måned ligger før den første.",
        "The last month lies before the first.",
    ),
    reading.TOO_MANY_MONTHS: (
        "too-many-months",
        "En periode er højst 24 måneder.",
        "A period is at most 24 months.",
    ),
    reading.YEAR_OR_PERIOD: (
        "year-or-period",
        "Angiv enten year, eller from og to.",
        "Give either year, or from and to.",
    ),
    reading.NOT_A_MONTH: (
        "not-a-month",
        "Skal være en måned fra 2019 til 2199 som ÅÅÅÅ-MM.",
        "Must be a month from 2019 to 2199 as YYYY-MM.",
    ),
    reading.NOT_AN_ISO_DAY: (
        "not-a-date",
        "Skal være en dag, der findes, som ÅÅÅÅ-MM-DD.",
        "Must be a day that exists, as YYYY-MM-DD.",
    ),
    "give either cpr or number": ("cpr-or-number", "Angiv enten cpr eller number.", "Give either cpr or number."),
    "give either employment_id or card_number": (
        "employment-or-card-number",
        "Angiv enten ansættelsens id eller frikortnummeret.",
        "Give either the employment's id or the card number.",
    ),
    "the line reverses an accepted report": (
        "reverses-report",
        "Linjen modsvarer en modtaget indberetning. Træk den indberetning tilbage, hvis den ikke skulle være der.",
        "The line reverses an accepted report. Withdraw that report if it should not be there.",
    ),
    "no own employment has this id": (
        "employment-unknown",
        "Virksomheden har ingen ansættelse med dette id.",
        "The employer has no employment with this id.",
    ),
    "no own employment has this card number": (
        "card-number-unknown",
        "Virksomheden har ingen ansættelse med dette frikortnummer. Registrér ansættelsen først.",
        "The employer has no employment with this card number. Register the employment first.",
    ),
    "too many unknown card numbers": (
        "too-many-unknown-numbers",
        "Der er for mange frikortnumre, som virksomheden ikke har registreret. Registrér ansættelserne, og send linjen "
        "igen.",
        "There are too many card numbers that the employer has not registered. Register the employments, and send the "
        "line again.",
    ),
    "several own employments have this card number, and not one of them covers the work": (
        "employment-ambiguous",
        "Der er flere ansættelser med dette frikortnummer. Angiv ansættelsens id.",
        "There are several employments with this card number. Give the employment's id.",
    ),
    "not a JSON object on one line": (
        "not-a-json-object",
        "Skal være et JSON-objekt på én linje.",
        "Must be a JSON object on one line.",
    ),
    "the member is repeated": (
        "repeated-field",
        "Feltet står der to gange.",
        "The field is there twice.",
    ),
    "the quotation marks do not match": (
        "quotation-marks-unbalanced",
        "Anførselstegnene passer ikke.",
        "The quotation marks do not match.",
    ),
    "not as many cells as there are columns": (
        "wrong-number-of-cells",
        "Linjen har ikke lige så mange felter som den første linje.",
        "The line has not as many cells as the first line.",
    ),
    "the line is too long": ("line-too-long", "Linjen er for lang.", "The line is too long."),
    reading.NOT_WHOLE_ORE: ("not-an-amount", "Skal være et helt antal øre.", "Must be a whole number of øre."),
    reading.NOT_AN_AMOUNT: (
        "not-an-amount",
        "Skal være et beløb i kroner med decimalkomma, for eksempel 1.234,50.",
        "Must be an amount in kroner with a decimal comma, such as 1.234,50.",
    ),
    reading.NEGATIVE_AMOUNT: (
        "negative-amount",
        "Et beløb er aldrig negativt. Er en indberetning forkert, så ret den, eller træk den tilbage.",
        "An amount is never negative. If a report is wrong, correct it or withdraw it.",
    ),
    reading.NOT_A_CARD_NUMBER: (
        "not-a-card-number",
        "Et frikortnummer er fem cifre, også med nul forrest.",
        "A card number has five digits, with the leading zero.",
    ),
    reading.NOT_A_PHONE_NUMBER: (
        "not-a-phone-number",
        "Skal være et telefonnummer, for eksempel 12 34 56 78 eller +45 12 34 56 78.",
        "Must be a phone number, such as 12 34 56 78 or +45 12 34 56 78.",
    ),
    reading.NOT_A_DAY: (
        "not-a-date",
        "Skal være en dag, der findes, som DD-MM-ÅÅÅÅ eller ÅÅÅÅ-MM-DD.",
        "Must be a day that exists, as DD-MM-YYYY or YYYY-MM-DD.",
    ),
    "must be ja or nej": ("not-a-boolean", "Skal være ja eller nej.", "Must be ja or nej."),
    "must be true or false": ("not-a-boolean", "Skal være true eller false.", "Must be true or false."),
    "not a cursor": (
        "not-a-cursor",
        "Er ikke `next` fra den forrige side.",
        "Is not `next` of the page before.",
    ),
    "the text is not Unicode": ("not-unicode", "Teksten er ikke gyldig Unicode.", "The text is not valid Unicode."),
}
_OTHERWISE: Final[FieldText] = ("invalid-value", "Værdien er ikke gyldig.", "The value is not valid.")


def field_code(error_type: str, message: str) -> str:
    """The stable code of one validation error."""
    return _row_of(error_type, message)[0]


def field_text(error_type: str, message: str, language: Language) -> str:
    """The text for one validation error."""
    return _row_of(error_type, message)[2 if language is Language.ENGLISH else 1]


def _row_of(error_type: str, message: str) -> FieldText:
    return _BY_MESSAGE.get(message.removeprefix("Value error, ")) or _BY_TYPE.get(error_type) or _OTHERWISE
