"""Request bodies: which are valid, and to which field the error of an invalid one points."""

from __future__ import annotations

from typing import Any

import pytest
from frikort_contracts.http.cards import IssueCardBody, SearchCardBody
from frikort_contracts.http.employments import RegisterEmploymentBody
from frikort_contracts.http.mandates import MandateBody
from frikort_contracts.http.reports import DisputeBody, ReportBody
from pydantic import BaseModel, ValidationError

from services.gateway.commands.service import canonical
from services.gateway.problems import pointer_of

REPORT: dict[str, Any] = {
    "employment_id": "e",
    "reference": "2025-05",
    "work": {"first": "2025-05-01", "last": "2025-05-31"},
    "payment_date": "2025-05-31",
    "components": {"wage_ore": 100_000},
}
EMPLOYMENT: dict[str, Any] = {
    "card_number": "12345",
    "birth_date": "1980-01-01",
    "period": {"first": "2025-01-01"},
    "contact": {"name": "Bo", "email": "bo@example.dk", "phone": "+45 12 34 56 78"},
}
DISPUTE: dict[str, Any] = {"reason": "other", "message": "Jeg var syg.\r\nDet ved de."}
MANDATE: dict[str, Any] = {"cpr": "610180-0101", "name": "Karla", "scope": "view", "until": "2025-12-31"}
CARD: dict[str, Any] = {"cpr": "610180-0101", "name": "Karla Eksempel", "case_reference": "S-1"}


def pointers(model: type[BaseModel], body: Any) -> list[str]:
    with pytest.raises(ValidationError) as caught:
        model.model_validate(body)
    return [pointer_of(("body", *error["loc"])) for error in caught.value.errors()]


def with_change(body: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    *way, last = path.strip("/").split("/")
    changed: dict[str, Any] = {**body}
    place = changed
    for step in way:
        place[step] = {**place[step]}
        place = place[step]
    place[last] = value
    return changed


def test_the_example_bodies_are_valid() -> None:
    ReportBody.model_validate(REPORT)
    RegisterEmploymentBody.model_validate(EMPLOYMENT)
    MandateBody.model_validate(MANDATE)
    DisputeBody.model_validate({"reason": "not-paid"})
    assert DisputeBody.model_validate(DISPUTE).message == "Jeg var syg.\r\nDet ved de."
    assert IssueCardBody.model_validate(CARD).cpr == "6101800101"


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("/components/wage_ore", 1000.0),
        ("/components/wage_ore", 1000.5),
        ("/components/wage_ore", "1000"),
        ("/components/wage_ore", True),
        ("/components/wage_ore", None),
        ("/components/wage_ore", -1),
        ("/components/wage_ore", 10**16),
        ("/components/wage", 1000),
        ("/components/pension_ore", -5),
        ("/payment_date", "31-05-2025"),
        ("/payment_date", "2025-02-30"),
        ("/payment_date", "2025-05-31T00:00:00"),
        ("/payment_date", 0),
        ("/payment_date", "0001-01-01"),
        ("/payment_date", "9999-12-31"),
        ("/payment_date", "2025-05-31\n"),
        ("/work/first", None),
        ("/allow_duplicate", "yes"),
        ("/allow_duplicate", 1),
        ("/reference", ""),
        ("/reference", "x" * 65),
        ("/reference", "610180-0101"),
        ("/reference", "a\nb"),
        ("/reference", 5),
        ("/tip", 1),
    ],
)
def test_an_error_in_a_report_points_to_its_field(path: str, value: Any) -> None:
    assert path in pointers(ReportBody, with_change(REPORT, path, value))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("/card_number", "00000"),
        ("/card_number", "1234"),
        ("/card_number", 12345),
        ("/birth_date", "1980-13-01"),
        ("/contact/email", "nobody"),
        ("/contact/phone", "call me"),
        ("/contact/name", ""),
        ("/contact/name", "   "),
        ("/label", "x" * 41),
        ("/label", "a\nb"),
        ("/label", "610180-0101"),
    ],
)
def test_an_error_in_an_employment_points_to_its_field(path: str, value: Any) -> None:
    assert path in pointers(RegisterEmploymentBody, with_change(EMPLOYMENT, path, value))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("/reason", "because"),
        ("/message", ""),
        ("/message", "  \n "),
        ("/message", "x" * 501),
        ("/message", "a\x00b"),
        ("/message", "Mit nummer er 6101800101."),
    ],
)
def test_an_error_in_a_dispute_points_to_its_field(path: str, value: Any) -> None:
    assert pointers(DisputeBody, with_change(DISPUTE, path, value)) == [path]


@pytest.mark.parametrize(
    ("path", "value"), [("/cpr", "1"), ("/name", ""), ("/scope", "own"), ("/until", "31-12-2025"), ("/until", None)]
)
def test_an_error_in_a_mandate_points_to_its_field(path: str, value: Any) -> None:
    assert pointers(MandateBody, with_change(MANDATE, path, value)) == [path]


@pytest.mark.parametrize("cpr", ["", "610180010", "61018001011", "3113800101", "610180 0101", 6101800101, "٦101800101"])
def test_a_wrong_cpr_number_is_refused(cpr: Any) -> None:
    assert pointers(IssueCardBody, CARD | {"cpr": cpr}) == ["/cpr"]


def test_a_period_must_not_end_before_it_begins() -> None:
    changed = with_change(EMPLOYMENT, "/period", {"first": "2025-02-01", "last": "2025-01-31"})

    assert pointers(RegisterEmploymentBody, changed) == ["/period"]


@pytest.mark.parametrize("body", [{}, {"cpr": "6101800101", "number": "12345"}])
def test_a_search_has_exactly_one_criterion(body: dict[str, str]) -> None:
    assert pointers(SearchCardBody, body) == [""]


@pytest.mark.parametrize("body", [[], "x", 5, None])
def test_a_body_must_be_an_object(body: Any) -> None:
    assert pointers(ReportBody, body) == [""]


def test_a_lone_surrogate_is_refused() -> None:
    assert pointers(IssueCardBody, CARD | {"name": "Karla \ud800"}) == [""]


class TestTheSameRequest:
    """One request may be written in several ways; a retry must be known in any of them."""

    def test_the_order_of_fields_and_a_hyphen_do_not_change_a_request(self) -> None:
        other = dict(reversed([*(CARD | {"cpr": "6101800101"}).items()]))

        assert canonical(IssueCardBody(**CARD)) == canonical(IssueCardBody(**other))

    def test_another_amount_is_another_request(self) -> None:
        other = with_change(REPORT, "/components/wage_ore", 100_001)

        assert canonical(ReportBody(**REPORT)) != canonical(ReportBody(**other))

    def test_a_field_added_in_a_later_release_does_not_change_an_old_request(self) -> None:
        assert "allow_duplicate" not in canonical(ReportBody(**REPORT))
