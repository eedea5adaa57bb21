"""The form of a municipality's case numbers, and whether a stated purpose has one. Pure.

A form is a mask and no regular expression, so that no setting can make a check slow: ``0`` is a digit, ``A`` a letter,
``X`` either, and every other character stands for itself.
"""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, model_validator

_MOST: Final = 60
_BEFORE: Final = ": "
"""What separates words about the purpose from the case number behind them."""


class CaseNumberForm(BaseModel):
    """How a municipality writes its case numbers, and an example for the people who must write one."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    mask: Annotated[str, Field(min_length=1, max_length=_MOST)]
    example: Annotated[str, Field(min_length=1, max_length=_MOST)]

    @model_validator(mode="after")
    def _example_fits(self) -> CaseNumberForm:
        if not fits(self.mask, self.example):
            raise ValueError("the example does not have the form of the mask")
        return self

    def is_stated_in(self, purpose: str) -> bool:
        """Whether a purpose is a case number, or ends with one after a colon."""
        return fits(self.mask, purpose.rpartition(_BEFORE)[2])


def fits(mask: str, text: str) -> bool:
    """Whether ``text`` has the form of ``mask``."""
    return len(mask) == len(text) and all(map(_fits, mask, text))


def _fits(sign: str, character: str) -> bool:
    is_digit = character.isascii() and character.isdigit()
    match sign:
        case "0":
            return is_digit
        case "A":
            return character.isalpha()
        case "X":
            return is_digit or character.isalpha()
        case _:
            return character == sign
