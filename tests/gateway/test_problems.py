"""Problem documents: complete in both languages, without the input of the caller."""

from __future__ import annotations

from datetime import date

import pytest
from frikort_contracts.http.cards import IssueCardBody
from frikort_contracts.outcomes import Problem
from pydantic import ValidationError

from services.gateway.field_texts import field_text
from services.gateway.formats import Language, day, kroner, preferred_language
from services.gateway.problem_texts import CATALOGUE
from services.gateway.problems import document, pointer_of


@pytest.mark.parametrize("problem", list(Problem))
def test_every_problem_code_is_in_the_catalogue(problem: Problem) -> None:
    assert problem in CATALOGUE


@pytest.mark.parametrize("code", sorted(CATALOGUE))
def test_every_catalogue_entry_is_complete_in_both_languages(code: str) -> None:
    entry = CATALOGUE[code]

    assert 400 <= entry.status < 600
    for text in (entry.da, entry.en):
        assert text.title
        assert text.remedy.endswith(".")
    assert entry.da != entry.en
    assert bool(entry.da.explain) == bool(entry.en.explain)


@pytest.mark.parametrize(
    ("ore", "danish", "english"),
    [
        (0, "0,00 kr.", "0.00 kr."),
        (5, "0,05 kr.", "0.05 kr."),
        (1_650_000, "16.500,00 kr.", "16,500.00 kr."),
        (123_456_789, "1.234.567,89 kr.", "1,234,567.89 kr."),
        (-150, "-1,50 kr.", "-1.50 kr."),
    ],
)
def test_amounts_are_written_as_kroner_in_both_languages(ore: int, danish: str, english: str) -> None:
    assert kroner(ore, Language.DANISH) == danish
    assert kroner(ore, Language.ENGLISH) == english


def test_dates_are_written_out_in_both_languages() -> None:
    assert day(date(2026, 11, 21), Language.DANISH) == "21. november 2026"
    assert day(date(2026, 5, 1), Language.ENGLISH) == "1 May 2026"


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", "da"),
        ("en", "en"),
        ("en-GB,en;q=0.9,da;q=0.8", "en"),
        ("da,en;q=0.9", "da"),
        ("en;q=0.2, da;q=0.3", "da"),
        ("de, fr;q=0.5", "da"),
        ("en;q=nonsense", "da"),
        ("*", "da"),
    ],
)
def test_the_language_follows_accept_language(header: str, language: str) -> None:
    assert preferred_language(header) == language


def test_a_problem_has_its_facts_as_text_and_as_data() -> None:
    facts = {"payment_date": "2025-12-31"}

    danish = document("payment-in-future", Language.DANISH, instance="i", facts=facts)

    assert danish == {
        "code": "payment-in-future",
        "type": "/problems/payment-in-future",
        "title": "Betalingsdagen ligger i fremtiden",
        "status": 422,
        "detail": "Betalingsdagen er 31. december 2025. Indberet, når lønnen er betalt.",
        "instance": "urn:uuid:i",
        "facts": facts,
    }
    english = document("payment-in-future", Language.ENGLISH, instance="i", facts=facts)
    assert english["detail"] == "The payment date is 31 December 2025. Report when the wage has been paid."


def test_a_problem_names_the_municipality() -> None:
    body = document("card-exists", Language.DANISH, instance="i", facts={"municipality": "849"})
    assert "Den ansvarlige kommune er Jammerbugt." in body["detail"]
    assert body["facts"] == {"municipality": "849"}


def test_missing_facts_are_left_out_of_the_text() -> None:
    assert document("control-not-due", Language.ENGLISH, instance="i")["detail"].startswith("A control is made")
    with_year = document("control-not-due", Language.ENGLISH, instance="i", facts={"due": 2027})
    assert with_year["detail"].startswith("The next is due by the end of 2027.")


def test_an_error_text_does_not_repeat_a_wrong_cpr_number() -> None:
    with pytest.raises(ValidationError) as caught:
        IssueCardBody.model_validate({"cpr": "9999991234", "name": "Karla Eksempel", "case_reference": "1"})

    (error,) = caught.value.errors()
    assert pointer_of(("body", *error["loc"])) == "/cpr"
    for language in Language:
        text = field_text(error["type"], error["msg"], language)
        assert "9999991234" not in text
        assert "CPR" in text


@pytest.mark.parametrize(
    ("location", "pointer"),
    [
        (("body", "period", "first"), "/period/first"),
        (("body",), ""),
        (("query", "year"), "query:/year"),
        (("body", "a/b~c"), "/a~1b~0c"),
        (("body", "0101800101"), "/[CPR]"),
    ],
)
def test_a_location_becomes_a_json_pointer_without_a_cpr_number(location: tuple[str, ...], pointer: str) -> None:
    assert pointer_of(location) == pointer
