"""Invalid requests: each gets a clear problem document, changes nothing, and its contents are not repeated."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest

from deploy.local.client import Answer
from tests.integration.scene import MARCH, TODAY, Job, World, issue_body, refused

JSON = {"Content-Type": "application/json"}
SOMEONES_CPR = "6101801234"


@pytest.fixture(scope="module", autouse=True)
def still(world: World) -> Iterator[Job]:
    """An employment with one report, on which nothing of this module leaves a trace that anyone sees, not even late."""
    job = world.job()
    job.report(123_400)
    seen = job.all_views()
    yield job
    world.on(TODAY)
    assert job.all_views() == seen
    job.report(1)
    assert [report["total_ore"] for report in job.card.reports()] == [123_400, 1]


def post(job: Job, content: bytes | str, **headers: str) -> Answer:
    """A report with this body, to the byte."""
    return job.employer.raw("POST", "/v1/reports", content, {"Idempotency-Key": str(uuid4()), **JSON, **headers})


AMOUNTS: dict[str, str] = {
    "negative": "-1",
    "a float": "100.5",
    "a float that is whole": "100.0",
    "with an exponent": "1e2",
    "a text": '"100"',
    "true": "true",
    "null": "null",
    "a list": "[100]",
    "an object": "{}",
    "above every ledger": "1000000000000001",
    "above 64 bits": "18446744073709551617",
    "NaN": "NaN",
    "infinity": "Infinity",
    "minus infinity": "-Infinity",
}


@pytest.mark.parametrize("amount", AMOUNTS.values(), ids=AMOUNTS.keys())
@pytest.mark.parametrize("component", ["wage_ore", "pension_ore"])
def test_an_amount_that_is_not_whole_oere_is_refused(still: Job, component: str, amount: str) -> None:
    body = json.dumps(still.body(components={"wage_ore": 100, component: "AMOUNT"})).replace('"AMOUNT"', amount)
    problem = refused(post(still, body), 422, "invalid-request")
    assert [error["pointer"] for error in problem["errors"]] == [f"/components/{component}"]


WRONG_FIELDS: dict[str, tuple[dict[str, Any], str]] = {
    "an unknown field": ({"bonus": 1}, "/bonus"),
    "a misspelt component": ({"components": {"wage_ore": 1, "holidaypay_ore": 1}}, "/components/holidaypay_ore"),
    "an unknown field of the work": ({"work": {**MARCH, "hours": 8}}, "/work/hours"),
    "dry_run in the body": ({"dry_run": True}, "/dry_run"),
    "no wage": ({"components": {"pension_ore": 1}}, "/components/wage_ore"),
    "a day that does not exist": ({"payment_date": "2025-02-30"}, "/payment_date"),
    "a day without hyphens": ({"payment_date": "20250331"}, "/payment_date"),
    "a time for a day": ({"payment_date": "2025-03-31T12:00:00Z"}, "/payment_date"),
    "a number for a day": ({"payment_date": 1743379200}, "/payment_date"),
    "work that ends before it begins": ({"work": {"first": "2025-03-02", "last": "2025-03-01"}}, "/work"),
    "an empty reference": ({"reference": ""}, "/reference"),
    "a reference that is too long": ({"reference": "x" * 65}, "/reference"),
    "a reference with a line break": ({"reference": "a\nb"}, "/reference"),
    "a CPR number for a reference": ({"reference": f"løn {SOMEONES_CPR}"}, "/reference"),
    "a hyphened CPR number for a reference": ({"reference": f"{SOMEONES_CPR[:6]}-{SOMEONES_CPR[6:]}"}, "/reference"),
    "a text for a truth": ({"allow_duplicate": "true"}, "/allow_duplicate"),
    "a number for a truth": ({"allow_duplicate": 1}, "/allow_duplicate"),
    "an employment id that is none": ({"employment_id": 7}, "/employment_id"),
}


@pytest.mark.parametrize(("changes", "pointer"), WRONG_FIELDS.values(), ids=WRONG_FIELDS.keys())
def test_an_error_points_to_the_wrong_field(still: Job, changes: dict[str, Any], pointer: str) -> None:
    answer = still.employer.post("/v1/reports", still.body(**changes))
    problem = refused(answer, 422, "invalid-request")
    assert [error["pointer"] for error in problem["errors"]] == [pointer]
    assert all(error["detail"] for error in problem["errors"])
    assert SOMEONES_CPR[6:] not in answer.content.decode()


@pytest.mark.parametrize("field", ["employment_id", "reference", "work", "payment_date", "components"])
def test_an_error_points_to_the_missing_field(still: Job, field: str) -> None:
    body = still.body()
    del body[field]
    problem = refused(still.employer.post("/v1/reports", body), 422, "invalid-request")
    assert [error["pointer"] for error in problem["errors"]] == [f"/{field}"]


MALFORMED: dict[str, bytes] = {
    "cut short": b'{"employment_id": ',
    "no JSON": b"wage=100",
    "two values": b"{} {}",
    "a trailing comma": b'{"allow_duplicate": true,}',
    "no UTF-8": b'{"reference": "\xff\xfe"}',
    "nested too deep": b"[" * 60_000,
    "a number of ten thousand digits": b'{"allow_duplicate": ' + b"9" * 10_000 + b"}",
    "NUL": b"\x00",
}


@pytest.mark.parametrize("content", MALFORMED.values(), ids=MALFORMED.keys())
def test_malformed_json_is_refused(still: Job, content: bytes) -> None:
    refused(post(still, content), 400, "malformed-json")


@pytest.mark.parametrize("content", [b"", b"null", b"[]", b'"text"', b"7"])
def test_json_that_is_not_an_object_is_refused(still: Job, content: bytes) -> None:
    answer = post(still, content)
    assert answer.status in (400, 422), repr(answer)
    assert answer.problem in ("malformed-json", "invalid-request")


def test_a_text_with_a_lone_surrogate_is_refused(still: Job) -> None:
    body = json.dumps(still.body(reference="REFERENCE")).replace("REFERENCE", "\\ud800")
    refused(post(still, body), 422, "invalid-request")


@pytest.mark.parametrize("media_type", ["text/plain", "application/x-www-form-urlencoded", "application/xml"])
def test_a_body_of_another_media_type_is_refused(still: Job, media_type: str) -> None:
    answer = post(still, json.dumps(still.body()), **{"Content-Type": media_type})
    refused(answer, 415, "media-type-unsupported")


def test_a_body_over_64_kilobytes_is_refused(still: Job) -> None:
    refused(post(still, json.dumps(still.body(reference="x" * 65_536))), 413, "body-too-large")


def test_a_body_over_64_kilobytes_without_a_content_length_is_refused(still: Job) -> None:
    def pieces() -> Iterator[bytes]:
        for _ in range(20):
            yield b" " * 100_000

    headers = {"Idempotency-Key": str(uuid4()), **JSON}
    refused(still.employer.post_chunked("/v1/reports", pieces(), headers), 413, "body-too-large")


def test_a_missing_key_is_refused(still: Job) -> None:
    answer = still.employer.raw("POST", "/v1/reports", json.dumps(still.body()), JSON)
    refused(answer, 400, "idempotency-key-missing")


@pytest.mark.parametrize("key", ["", "x" * 256, "with space", "æøå"])
def test_a_key_that_is_not_1_to_255_visible_ascii_characters_is_refused(still: Job, key: str) -> None:
    headers = {**JSON, "Idempotency-Key": key}
    answer = still.employer.raw("POST", "/v1/reports", json.dumps(still.body()), headers)
    refused(answer, 400, "idempotency-key-invalid")


WRONG_CPRS = {
    "no day 32": "3201801234",
    "no month 13": "6113801234",
    "no day 92": "9201801234",
    "nine digits": "610180123",
    "eleven digits": "61018012345",
    "a letter": "610180123x",
    "a misplaced hyphen": "61018-01234",
    "a leap day in no leap year": "8902011234",
    "other digits": "٦١٠١٨٠١٢٣٤",
    "empty": "",
}


@pytest.mark.parametrize("cpr", WRONG_CPRS.values(), ids=WRONG_CPRS.keys())
def test_an_invalid_cpr_number_is_refused_and_not_repeated(world: World, cpr: str) -> None:
    body = {**issue_body(world.citizen()), "cpr": cpr}
    answer = world.caseworker().post("/v1/cards", body)
    problem = refused(answer, 422, "invalid-request")
    assert [error["pointer"] for error in problem["errors"]] == ["/cpr"]
    if cpr:
        assert cpr not in answer.content.decode()
    refused(world.caseworker().post("/v1/cards/search", {"cpr": cpr}), 422, "invalid-request")


@pytest.mark.parametrize(
    ("path", "body", "pointer"),
    [
        ("/v1/cards", {"name": ""}, "/name"),
        ("/v1/cards", {"name": "x" * 201}, "/name"),
        ("/v1/cards", {"name": "a\u0000b"}, "/name"),
        ("/v1/cards", {"name": None}, "/name"),
        ("/v1/cards", {"case_reference": f"sag {SOMEONES_CPR}"}, "/case_reference"),
        ("/v1/cards", {"diagnosis": "private"}, "/diagnosis"),
    ],
    ids=["no name", "a long name", "NUL in a name", "null for a name", "CPR number of a case", "a diagnosis"],
)
def test_a_card_with_a_wrong_field_is_not_issued(world: World, path: str, body: dict[str, Any], pointer: str) -> None:
    citizen, caseworker = world.citizen(), world.caseworker()
    answer = caseworker.post(path, issue_body(citizen) | body)
    assert [error["pointer"] for error in refused(answer, 422, "invalid-request")["errors"]] == [pointer]
    content = answer.content.decode()
    assert all(secret not in content for secret in (citizen.cpr, citizen.name, SOMEONES_CPR, "private"))
    refused(caseworker.post("/v1/cards/search", {"cpr": citizen.cpr}), 404, "card-unknown")


def test_an_unknown_field_whose_name_is_a_cpr_number_is_not_repeated(still: Job) -> None:
    answer = still.employer.post("/v1/reports", still.body(**{SOMEONES_CPR: 1}))
    refused(answer, 422, "invalid-request")
    assert SOMEONES_CPR not in answer.content.decode()


@pytest.mark.parametrize("body", [{}, {"cpr": SOMEONES_CPR, "number": "12345"}, {"number": "00000"}, {"number": "123"}])
def test_a_search_needs_exactly_one_valid_cpr_or_card_number(world: World, body: dict[str, str]) -> None:
    answer = refused(world.caseworker().post("/v1/cards/search", body), 422, "invalid-request")
    assert SOMEONES_CPR not in answer.content.decode()


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("deactivation", {}),
        ("number", {"reason": "because"}),
        ("hand-over", {"to_municipality": "999"}),
        ("controls", {"result": "perhaps"}),
        ("controls", {"result": "upheld", "reason": "health"}),
    ],
)
def test_an_invalid_decision_does_not_change_the_card(still: Job, path: str, body: dict[str, str]) -> None:
    refused(still.card.caseworker.post(f"{still.card.path}/{path}", body), 422, "invalid-request")


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/v1/reports", {"limit": 0}),
        ("/v1/reports", {"limit": 501}),
        ("/v1/reports", {"limit": "many"}),
        ("/v1/reports", {"year": 1999}),
        ("/v1/reports", {"cursor": "%%%"}),
        ("/v1/reports", {"moved_since": "yesterday"}),
        ("/v1/employments", {"cursor": "/w"}),
    ],
)
def test_an_invalid_query_parameter_is_refused(still: Job, path: str, query: dict[str, str | int]) -> None:
    refused(still.employer.get(path, **query), 422, "invalid-request")


@pytest.mark.parametrize("language", [None, "da", "da-DK, en;q=0.8", "de", "*"])
def test_problems_are_in_danish_by_default(world: World, language: str | None) -> None:
    client = world.employer().without_language()
    headers = {} if language is None else {"Accept-Language": language}
    answer = refused(
        client.raw("POST", "/v1/reports", b"{", {**JSON, **headers, "Idempotency-Key": "k"}), 400, "malformed-json"
    )
    assert answer.headers["content-language"] == "da"
    assert answer["title"] == "Indholdet er ikke gyldig JSON"


@pytest.mark.parametrize("language", ["en", "en-GB", "de, en;q=0.5, da;q=0.3"])
def test_problems_are_in_english_on_request(world: World, language: str) -> None:
    client = world.employer().without_language()
    headers = {**JSON, "Accept-Language": language, "Idempotency-Key": "k"}
    answer = refused(client.raw("POST", "/v1/reports", b"{", headers), 400, "malformed-json")
    assert answer.headers["content-language"] == "en"
    assert answer["title"] == "The body is not valid JSON"


def test_wrong_fields_are_explained_in_the_same_language(still: Job, world: World) -> None:
    danish = world.employer().without_language().post("/v1/reports", still.body(bonus=1))
    english = world.employer().post("/v1/reports", still.body(bonus=1))
    assert danish["errors"] == [{"code": "unknown-field", "pointer": "/bonus", "detail": "Feltet findes ikke."}]
    assert english["errors"] == [{"code": "unknown-field", "pointer": "/bonus", "detail": "There is no such field."}]
