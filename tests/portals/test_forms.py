"""Forms: input becomes the body of a request, and an error of the API is shown at its field."""

from __future__ import annotations

from datetime import date
from typing import Any, Final

import pytest
from frikort_contracts.http.problems import ProblemResource
from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import FormData

from services.gateway.formats import Language as ApiLanguage
from services.gateway.problems import document
from services.portals import forms
from services.portals.api import Refused
from services.portals.formats import Language, kroner
from services.portals.forms import Form, parse_amount, parse_day
from services.portals.texts import translations

DANISH: Final = {"language": Language.DANISH, "translations": translations(Language.DANISH), "token": "t"}
ENGLISH: Final = {"language": Language.ENGLISH, "translations": translations(Language.ENGLISH), "token": "t"}
FIELDS: Final = {
    "card_number": forms.card_number(),
    "period.first": forms.day(),
    "period.last": forms.day(optional=True),
    "components.wage_ore": forms.amount(),
    "reason": forms.choice("lost", "abused"),
    "allow_duplicate": forms.flag(),
}
TYPED: Final = {
    "key": "11111111-1111-4111-8111-111111111111",
    "form_token": "t",
    "card_number": " 123 45 ",
    "period.first-day": "1",
    "period.first-month": "3",
    "period.first-year": "2025",
    "components.wage_ore": "7.500,00",
    "reason": "lost",
    "allow_duplicate": "true",
}


def read(changes: dict[str, str] | None = None, **about: Any) -> Form:
    return forms.read_form(FIELDS, FormData(list((TYPED | (changes or {})).items())), **(about or DANISH))


def refused(code: str, *errors: tuple[str, str, str]) -> Refused:
    body = document(code, ApiLanguage.DANISH, instance="x", errors=errors)
    return Refused(ProblemResource.model_validate(body))


@pytest.mark.parametrize(
    ("typed", "ore"),
    [("7.500,00", 750_000), ("7500", 750_000), ("7500,05", 750_005), ("0", 0), ("1.000.000,00 kr.", 100_000_000),
     ("007", 700), ("12kr", 1_200), ("7,5", 750), ("1 000", 100_000), ("kr. 5", 500), ("16,500.50", 1_650_050)],
)  # fmt: skip
def test_a_danish_page_reads_amounts_in_danish_notation(typed: str, ore: int) -> None:
    assert parse_amount(typed, Language.DANISH) == ore


@pytest.mark.parametrize(
    "typed",
    ["7.5", "7,500", "75.00,00", "1.0000", "-5", "7.500,", ",50", "١٢", "1e3", "9" * 14, "7.500.00"],
)  # fmt: skip
def test_text_that_is_no_danish_amount_is_refused(typed: str) -> None:
    with pytest.raises(ValueError, match="amount"):
        parse_amount(typed, Language.DANISH)


@pytest.mark.parametrize("language", Language)
@given(st.integers(min_value=0, max_value=10**13))
def test_a_formatted_amount_is_read_as_the_same_amount(language: Language, ore: int) -> None:
    assert parse_amount(kroner(ore, language), language) == ore


@given(st.text(alphabet="0123456789.,", max_size=12))
def test_no_text_means_different_amounts_in_danish_and_english(typed: str) -> None:
    meant = set()
    for language in Language:
        try:
            meant.add(parse_amount(typed, language))
        except ValueError:
            continue
    assert len(meant) <= 1


@pytest.mark.parametrize("typed", ["31 2 2025", "29 2 2025", "1 3 25", "0 1 2025", "1 13 2025", "x 1 2025", "1 2025"])
def test_a_date_that_does_not_exist_is_refused(typed: str) -> None:
    with pytest.raises(ValueError, match=r"day|month"):
        parse_day(typed, Language.DANISH)


def test_a_valid_form_becomes_the_body_of_the_request() -> None:
    form = read()

    assert form.valid
    assert form.key == TYPED["key"]
    assert form.body == {
        "card_number": "12345",
        "period": {"first": date(2025, 3, 1)},
        "components": {"wage_ore": 750_000},
        "reason": "lost",
        "allow_duplicate": True,
    }


def test_invalid_fields_are_explained_in_the_order_of_the_form() -> None:
    form = read({"card_number": "", "period.first-month": "13", "components.wage_ore": "16,500", "reason": "joke"})

    assert form.status == 422
    assert form.problems == [
        ("card_number", "Skriv frikortnummeret."),
        ("period-first-day", "Skriv en dag, der findes, for eksempel 21 11 2026."),
        (
            "components-wage_ore",
            "Skriv beløbet som 7.500,00 eller 7500, med punktum ved tusinder og komma før ørerne.",
        ),
        ("reason", "Vælg en mulighed."),
    ]
    assert form.value("components.wage_ore") == "16,500"


def test_an_english_page_explains_amounts_in_english_notation() -> None:
    form = read({"components.wage_ore": "7.500"}, **ENGLISH)

    assert form.errors["components.wage_ore"].startswith("Write the amount as 7,500.00 or 7500")


def test_an_incomplete_date_is_refused_in_an_optional_field() -> None:
    assert list(read({"period.last-day": "5"}).errors) == ["period.last"]


@pytest.mark.parametrize(
    ("pointer", "name"),
    [
        ("/components/wage_ore", "components.wage_ore"),
        ("/period", "period.last"),
        ("/reason/0", "reason"),
        ("/card_number", "card_number"),
    ],
)
def test_an_error_of_the_api_is_shown_at_its_field(pointer: str, name: str) -> None:
    form = read().refuse(refused("invalid-request", (pointer, "string_too_long", "")))

    assert list(form.errors) == [name]
    assert form.general == []
    assert form.status == 422


def test_a_field_can_replace_the_text_of_an_error_of_the_api() -> None:
    form = read().refuse(
        refused(
            "invalid-request",
            ("/card_number", "string_pattern_mismatch", ""),
            ("/components/wage_ore", "less_than_equal", ""),
        )
    )

    assert form.errors == {
        "card_number": "Et frikortnummer er fem cifre, også med nul forrest.",
        "components.wage_ore": "Tallet er for stort.",
    }


def test_an_error_without_a_field_is_shown_above_the_form() -> None:
    form = read().refuse(refused("invalid-request", ("/elsewhere", "missing", "")))

    assert form.problems == [(None, "Noget er ikke udfyldt rigtigt. Ret det, og send igen.")]


def test_a_problem_is_shown_at_the_field_that_the_page_assigns_it_to() -> None:
    form = read().refuse(refused("card-unknown"), {"card-unknown": "card_number"})

    assert form.problems == [
        (
            "card_number",
            "Frikortet findes ikke. Kontrollér nummeret eller CPR-nummeret. Et frikort, som en anden kommune er "
            "ansvarlig for, kan ikke ses her.",
        )
    ]
    assert form.status == 404


@pytest.mark.parametrize(("code", "keeps_key"), [("card-exists", False), ("temporarily-unavailable", True)])
def test_a_form_keeps_its_key_only_if_its_command_may_have_been_accepted(code: str, keeps_key: bool) -> None:
    form = read().refuse(refused(code))

    assert (form.key == TYPED["key"]) is keeps_key


def test_a_form_can_be_prefilled() -> None:
    values = {
        "period.first": date(2025, 3, 1),
        "period.last": None,
        "components.wage_ore": 750_000,
        "allow_duplicate": False,
    }
    form = forms.empty_form(FIELDS, values, **DANISH)

    assert form.value("period.first-month") == "3"
    assert form.value("components.wage_ore") == "7.500,00"
    assert form.value("period.last-day") == form.value("allow_duplicate") == ""


def test_each_form_has_its_own_idempotency_key() -> None:
    assert forms.empty_form(FIELDS, {}, **DANISH).key != forms.empty_form(FIELDS, {}, **DANISH).key
