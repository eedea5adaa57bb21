"""What is wrong with a field, in Danish and English, by pydantic's error type. Never repeats the value."""

from __future__ import annotations

from typing import Final

from services.gateway.formats import Language

_BY_TYPE: Final[dict[str, tuple[str, str]]] = {
    "missing": ("Feltet mangler.", "The field is missing."),
    "extra_forbidden": ("Feltet findes ikke.", "There is no such field."),
    "int_type": ("Skal være et helt tal.", "Must be a whole number."),
    "int_parsing": ("Skal være et helt tal.", "Must be a whole number."),
    "int_from_float": ("Skal være et helt tal.", "Must be a whole number."),
    "bool_type": ("Skal være true eller false.", "Must be true or false."),
    "string_type": ("Skal være en tekst.", "Must be a text."),
    "string_too_short": ("Teksten er for kort.", "The text is too short."),
    "string_too_long": ("Teksten er for lang.", "The text is too long."),
    "string_pattern_mismatch": ("Formen er forkert.", "The form is wrong."),
    "greater_than_equal": ("Tallet er for lille.", "The number is too small."),
    "less_than_equal": ("Tallet er for stort.", "The number is too large."),
    "enum": ("Er ikke en af de mulige værdier.", "Is not one of the possible values."),
    "model_attributes_type": ("Skal være et objekt.", "Must be an object."),
    "dict_type": ("Skal være et objekt.", "Must be an object."),
    "model_type": ("Skal være et objekt.", "Must be an object."),
}
_BY_MESSAGE: Final[dict[str, tuple[str, str]]] = {
    "not a CVR number (8 digits, modulus 11)": (
        "Er ikke et CVR-nummer (8 cifre, modulus 11).",
        "Is not a CVR number (8 digits, modulus 11).",
    ),
    "a CPR number has ten digits": ("Et CPR-nummer har ti cifre.", "A CPR number has ten digits."),
    "a CPR number begins with a date": (
        "Et CPR-nummer begynder med en dato, der findes.",
        "A CPR number begins with a date that exists.",
    ),
    "must not contain a CPR number": ("Må ikke indeholde et CPR-nummer.", "Must not contain a CPR number."),
    "not one of the 98 municipality codes": (
        "Er ikke en af de 98 kommunekoder.",
        "Is not one of the 98 municipality codes.",
    ),
    "the last day lies before the first": (
        "Den sidste dag ligger før den første.",
        "The last day lies before the first.",
    ),
    "not a day as YYYY-MM-DD": (
        "Skal være en dag, der findes, som ÅÅÅÅ-MM-DD.",
        "Must be a day that exists, as YYYY-MM-DD.",
    ),
    "give either cpr or number": ("Angiv enten cpr eller number.", "Give either cpr or number."),
    "give either employment_id or card_number": (
        "Angiv enten ansættelsens id eller frikortnummeret.",
        "Give either the employment's id or the card number.",
    ),
    "no own employment has this id": (
        "Virksomheden har ingen ansættelse med dette id.",
        "The employer has no employment with this id.",
    ),
    "no own employment has this card number": (
        "Virksomheden har ingen ansættelse med dette frikortnummer. Registrér ansættelsen først.",
        "The employer has no employment with this card number. Register the employment first.",
    ),
    "several own employments have this card number, and not one of them covers the work": (
        "Der er flere ansættelser med dette frikortnummer. Angiv ansættelsens id.",
        "There are several employments with this card number. Give the employment's id.",
    ),
    "not a JSON object on one line": (
        "Skal være et JSON-objekt på én linje.",
        "Must be a JSON object on one line.",
    ),
    "the quotation marks do not match": ("Anførselstegnene passer ikke.", "The quotation marks do not match."),
    "not as many cells as there are columns": (
        "Linjen har ikke lige så mange felter som den første linje.",
        "The line has not as many cells as the first line.",
    ),
    "the line is too long": ("Linjen er for lang.", "The line is too long."),
    "not a whole number of øre": ("Skal være et helt antal øre.", "Must be a whole number of øre."),
    "not kroner as 1.234,50": (
        "Skal være et beløb i kroner med decimalkomma, for eksempel 1.234,50.",
        "Must be an amount in kroner with a decimal comma, such as 1.234,50.",
    ),
    "not a day as DD-MM-YYYY or YYYY-MM-DD": (
        "Skal være en dag, der findes, som DD-MM-ÅÅÅÅ eller ÅÅÅÅ-MM-DD.",
        "Must be a day that exists, as DD-MM-YYYY or YYYY-MM-DD.",
    ),
    "must be ja or nej": ("Skal være ja eller nej.", "Must be ja or nej."),
    "must be true or false": ("Skal være true eller false.", "Must be true or false."),
    "the text is not Unicode": ("Teksten er ikke gyldig Unicode.", "The text is not valid Unicode."),
}
_OTHERWISE: Final = ("Værdien er ikke gyldig.", "The value is not valid.")


def field_text(error_type: str, message: str, language: Language) -> str:
    """The text for one validation error."""
    texts = _BY_MESSAGE.get(message.removeprefix("Value error, ")) or _BY_TYPE.get(error_type) or _OTHERWISE
    return texts[language is Language.ENGLISH]
