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
    "the text is not Unicode": ("Teksten er ikke gyldig Unicode.", "The text is not valid Unicode."),
}
_OTHERWISE: Final = ("Værdien er ikke gyldig.", "The value is not valid.")


def field_text(error_type: str, message: str, language: Language) -> str:
    """The text for one validation error."""
    texts = _BY_MESSAGE.get(message.removeprefix("Value error, ")) or _BY_TYPE.get(error_type) or _OTHERWISE
    return texts[language is Language.ENGLISH]
