"""The generated Python client calls every part of the running API."""

from __future__ import annotations

import importlib
import sys
import typing
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest

from deploy.local.demo_data import birth_date_of
from deploy.local.system import LocalSystem
from tests.clients.python_client import PACKAGE, python_client

pytestmark = pytest.mark.verify

Call = Callable[..., Any]


@pytest.fixture(scope="module")
def as_person(system: LocalSystem) -> Callable[[str], Call]:
    """Calls operations of the generated client with the access token of one of `system.people`."""
    sys.path.insert(0, str(python_client()))
    authenticated = importlib.import_module(PACKAGE).AuthenticatedClient

    def of(person: str) -> Call:
        client = authenticated(base_url=system.gateway_url, token=system.token(person), raise_on_unexpected_status=True)

        def call(operation: str, body: Mapping[str, Any] | None = None, **parameters: Any) -> Any:
            send = importlib.import_module(f"{PACKAGE}.api.{operation}").sync_detailed
            if body is not None:
                parameters["body"] = typing.get_type_hints(send)["body"].from_dict(body)
                parameters["idempotency_key"] = str(uuid4())
            answer = send(client=client, **parameters)
            assert answer.status_code in (200, 201), answer.content
            return answer.parsed

        return call

    return of


@pytest.mark.timeout(600)
def test_a_card_a_report_and_an_extract_by_the_generated_client(
    system: LocalSystem, as_person: Callable[[str], Call]
) -> None:
    today = datetime.now(UTC).date()
    citizen = system.people["citizen-1"]
    caseworker, employer = as_person("caseworker-101-a"), as_person("employer-a")

    card = caseworker(
        "caseworker.issue_card", {"cpr": citizen.cpr, "name": citizen.name, "case_reference": "2026-0042"}
    )
    employment = employer(
        "employer.register_employment",
        {
            "card_number": card.number,
            "birth_date": birth_date_of(citizen).isoformat(),
            "period": {"first": today.isoformat()},
            "contact": {"name": "Kontor", "email": "kontor@example.dk", "phone": "+45 12 34 56 78"},
        },
    )
    report = employer(
        "employer.report_earnings",
        {
            "employment_id": employment.employment_id,
            "reference": "client",
            "work": {"first": today.isoformat(), "last": today.isoformat()},
            "payment_date": today.isoformat(),
            "components": {"wage_ore": 12_345},
        },
    )
    assert report.total_ore == 12_345

    assert as_person("citizen-1")("citizen.own_card").number == card.number
    assert as_person("authority-skat")("authority.request_extract", {"year": today.year}).year == today.year
    assert as_person("authority-skat")("everyone.allowances").allowances
