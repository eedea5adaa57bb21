"""The demo data of `make run`: two citizens with cards, an employment, and this year's reports.

Every command has a fixed idempotency key, so a second start changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any, Final

import httpx2

from deploy.local.client import Answer, Caller, fetch_token
from deploy.local.errors import LauncherError
from deploy.local.people import Person
from deploy.local.system import LocalSystem

MONTHLY_WAGE_ORE = 320_000
MONTHLY_HOLIDAY_PAY_ORE = 40_000
_PENDING: Final = 202
_MOST_TRIES: Final = 12
"""Each waits up to ten seconds for the outcome."""


def load(system: LocalSystem, today: date) -> dict[str, str]:
    """Send the demo data, with the clock set to each event's day, from January until the end of last month.

    Returns card numbers by citizen.

    Raises:
        LauncherError: the system refused a command.
    """
    first = date(today.year, 1, 5)
    if today <= first:
        return {}
    try:
        _set_clock(system, first)
        card = _issued(system, "caseworker-101-a", "citizen-1", first.year)
        other = _issued(system, "caseworker-849", "citizen-2", first.year)
        employment = _registered(system, "employer-a", "citizen-1", card, first)
        for last_day in _month_ends(first, today):
            _set_clock(system, last_day)
            _reported(system, "employer-a", employment, max(first, last_day.replace(day=1)), last_day)
    finally:
        httpx2.delete(f"{system.gateway_url}/local/clock", timeout=10)
    return {"citizen-1": card["number"], "citizen-2": other["number"]}


def birth_date_of(person: Person) -> date:
    """The birth date of a synthetic person born in the 1900s (their CPR number has 60 added to the day)."""
    cpr = str(person.cpr)
    return date(1900 + int(cpr[4:6]), int(cpr[2:4]), int(cpr[:2]) - 60)


def _issued(system: LocalSystem, caseworker: str, citizen: str, year: int) -> dict[str, Any]:
    person = system.people[citizen]
    body = {"cpr": person.cpr, "name": person.name, "case_reference": f"{year}-{citizen}"}
    caller = _caller(system, caseworker)
    answer = _send(caller, "/v1/cards", body, key=f"demo-{citizen}")
    if answer.problem == "card-exists":
        answer = caller.post("/v1/cards/search", {"cpr": person.cpr})
    return _body(answer)


def _registered(system: LocalSystem, employer: str, citizen: str, card: dict[str, Any], first: date) -> str:
    person = system.people[citizen]
    body = {
        "card_number": card["number"],
        "birth_date": birth_date_of(person).isoformat(),
        "period": {"first": first.isoformat()},
        "contact": {"name": "Kontor", "email": "kontor@example.dk", "phone": "+45 12 34 56 78"},
    }
    answer = _send(_caller(system, employer), "/v1/employments", body, key=f"demo-{citizen}-{card['number']}")
    return str(_body(answer)["employment_id"])


def _reported(system: LocalSystem, employer: str, employment: str, first: date, last: date) -> None:
    body = {
        "employment_id": employment,
        "reference": f"{last:%Y-%m}",
        "work": {"first": first.isoformat(), "last": last.isoformat()},
        "payment_date": last.isoformat(),
        "components": {"wage_ore": MONTHLY_WAGE_ORE, "holiday_pay_ore": MONTHLY_HOLIDAY_PAY_ORE},
    }
    _body(_send(_caller(system, employer), "/v1/reports", body, key=f"demo-{employment}-{last:%Y-%m}"))


def _month_ends(first: date, today: date) -> list[date]:
    ends = [date(first.year, month, 1) - timedelta(days=1) for month in range(2, 13)]
    return [end for end in ends if end < today]


def _set_clock(system: LocalSystem, day: date) -> None:
    httpx2.put(f"{system.gateway_url}/local/clock", json={"time": f"{day}T13:00:00Z"}, timeout=10).raise_for_status()


def _caller(system: LocalSystem, person_id: str) -> Caller:
    return Caller(system.gateway_url, fetch_token(system.provider_url, system.people[person_id]))


def _send(caller: Caller, path: str, body: Mapping[str, Any], *, key: str) -> Answer:
    """Send a command until its outcome is known: on a slow machine it is pending (202) for a while."""
    answer = caller.post(path, body, key=key)
    for _ in range(_MOST_TRIES - 1):
        if answer.status != _PENDING:
            break
        answer = caller.post(path, body, key=key)
    return answer


def _body(answer: Answer) -> dict[str, Any]:
    if answer.status not in (200, 201):
        raise LauncherError(
            f"The demo data was refused: {answer.status} {answer.problem or ''}".strip(),
            "If an older version sent it, run `make clean` and then `make run`.",
        )
    return dict(answer.body)
