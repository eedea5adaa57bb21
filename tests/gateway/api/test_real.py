"""The gateway with real Kafka and MongoDB and the other services: idempotency, read-your-writes, access, limits."""

from __future__ import annotations

import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from frikort_contracts.values import danish_day

from deploy.local.client import Answer, Caller
from deploy.local.system import LocalSystem

NAME = "Karla Hemmelig Eksempel"
CONTACT = {"name": "Bo", "email": "bo@example.dk", "phone": "+45 12 34 56 78"}


@pytest.fixture
def call(system: LocalSystem) -> Callable[[str], Caller]:
    return lambda person: Caller(system.gateway_url, system.token(person))


@pytest.fixture
def caseworker(call: Callable[[str], Caller]) -> Caller:
    return call("caseworker-101-a")


@pytest.fixture
def employer(call: Callable[[str], Caller]) -> Caller:
    return call("employer-a")


def new_cpr() -> str:
    """A synthetic person: day + 60."""
    born = date(1950, 1, 1) + timedelta(days=random.randrange(15_000))  # noqa: S311 - not for secrets
    return f"{born.day + 60:02d}{born:%m%y}{random.randrange(4_000):04d}"  # noqa: S311


def birth_date(cpr: str) -> str:
    return f"19{cpr[4:6]}-{cpr[2:4]}-{int(cpr[:2]) - 60:02d}"


def card_body(cpr: str | None = None) -> dict[str, Any]:
    return {"cpr": cpr or new_cpr(), "name": NAME, "case_reference": "S-1"}


def employment_body(card: Answer, **changes: Any) -> dict[str, Any]:
    return {
        "card_number": card["number"],
        "birth_date": birth_date(card["cpr"]),
        "period": {"first": danish_day(datetime.now(UTC)).isoformat()},
        "contact": CONTACT,
        **changes,
    }


def report_body(employment: Answer, reference: str = "first", wage: int = 100_000) -> dict[str, Any]:
    today = employment["period"]["first"]
    return {
        "employment_id": employment["employment_id"],
        "reference": reference,
        "work": {"first": today, "last": today},
        "payment_date": today,
        "components": {"wage_ore": wage},
    }


def employed(caseworker: Caller, employer: Caller) -> tuple[Answer, Answer]:
    card = caseworker.post("/v1/cards", card_body())
    employment = employer.post("/v1/employments", employment_body(card))
    assert (card.status, employment.status) == (201, 201), (card, employment)
    return card, employment


class TestIdempotency:
    def test_a_repeated_request_gets_the_stored_response(self, caseworker: Caller) -> None:
        body, key = card_body(), str(uuid4())
        first = caseworker.post("/v1/cards", body, key=key)
        caseworker.post(f"/v1/cards/{first['card_id']}/number", {"reason": "lost"})

        again = caseworker.post("/v1/cards", body, key=key)

        assert (first.status, first.headers.get("idempotency-replayed")) == (201, None)
        assert (again.status, again.headers.get("idempotency-replayed")) == (201, "true")
        assert again.content == first.content
        assert again.headers["location"] == f"/v1/cards/{first['card_id']}"

    def test_a_refusal_is_stored_too(self, caseworker: Caller) -> None:
        body, key = card_body(), str(uuid4())
        caseworker.post("/v1/cards", body)

        answers = [caseworker.post("/v1/cards", body, key=key) for _ in range(2)]

        assert [a.problem for a in answers] == ["card-exists"] * 2
        assert answers[0].content == answers[1].content

    def test_the_same_key_with_another_body_is_refused(self, caseworker: Caller) -> None:
        key = str(uuid4())
        caseworker.post("/v1/cards", card_body(), key=key)

        assert caseworker.post("/v1/cards", card_body(), key=key).problem == "idempotency-key-reused"

    def test_concurrent_requests_with_one_key_are_one_command(self, system: LocalSystem) -> None:
        body, key = card_body(), str(uuid4())
        callers = [Caller(system.gateway_url, system.token("caseworker-101-a")) for _ in range(12)]

        with ThreadPoolExecutor(len(callers)) as pool:
            answers = list(pool.map(lambda caller: caller.post("/v1/cards", body, key=key), callers))

        assert {a.status for a in answers} == {201}
        assert len({a.content for a in answers}) == 1

    def test_another_client_may_use_the_same_key(self, call: Callable[[str], Caller]) -> None:
        key = str(uuid4())

        cards = [call(who).post("/v1/cards", card_body(), key=key) for who in ("caseworker-101-a", "caseworker-101-b")]

        assert [c.status for c in cards] == [201, 201]
        assert cards[0]["card_id"] != cards[1]["card_id"]

    def test_a_request_refused_before_submission_leaves_its_key_free(self, caseworker: Caller) -> None:
        key = str(uuid4())

        assert caseworker.post("/v1/cards", card_body() | {"name": ""}, key=key).problem == "invalid-request"
        assert caseworker.post("/v1/cards", card_body(), key=key).status == 201

    def test_a_command_needs_a_key(self, caseworker: Caller) -> None:
        assert caseworker.post("/v1/cards", card_body(), key="two words").problem == "idempotency-key-invalid"
        missing = Answer(caseworker._http.post("/v1/cards", json=card_body()))
        assert missing.problem == "idempotency-key-missing"


class TestOutcomes:
    def test_the_outcome_can_be_read_later(self, call: Callable[[str], Caller]) -> None:
        caseworker = call("caseworker-101-a")

        pending = caseworker.post("/v1/cards", card_body(), wait=0)

        assert (pending.status, pending["status"]) == (202, "pending")
        assert pending.headers["preference-applied"] == "wait=0"
        outcome = caseworker.wait_for(pending.headers["location"], "status", "done")
        assert outcome["answer_status"] == 201
        assert outcome["result"] == caseworker.get(outcome["location"]).body
        assert call("caseworker-101-b").get(pending["outcome"]).problem == "outcome-unknown"

    def test_the_outcome_of_a_refused_command_is_its_problem(self, caseworker: Caller) -> None:
        body = card_body()
        caseworker.post("/v1/cards", body)
        refused = caseworker.post("/v1/cards", body)

        outcome = caseworker.get(f"/v1/outcomes/{refused['instance'].removeprefix('urn:uuid:')}")

        assert (outcome["status"], outcome["answer_status"]) == ("refused", 409)
        assert outcome["problem"]["type"] == "/problems/card-exists"

    def test_a_change_is_readable_when_it_is_answered(self, caseworker: Caller, employer: Caller) -> None:
        """Each of twenty reports is read at once, so a slow consumer would be noticed."""
        card, employment = employed(caseworker, employer)
        for n in range(1, 21):
            answer = employer.post("/v1/reports", report_body(employment, f"r-{n}", 1_000 + n))
            assert answer.status == 201, answer
            read = employer.get(f"/v1/reports/{answer['report_id']}")
            left = employer.get(f"/v1/employments/{employment['employment_id']}/allowance")
            assert read["split"]["exempt_ore"] == 1_000 + n
            assert answer["remaining_ore"] == left["remaining_ore"]
            exact = left["allowance_ore"] - sum(range(1_001, 1_001 + n))
            assert left["remaining_ore"] == exact - exact % 100_000
        listed = caseworker.get(f"/v1/cards/{card['card_id']}/reports")["reports"]
        assert [r["total_ore"] for r in listed] == list(range(1_001, 1_021))

    def test_commands_and_balances_work_while_reporting_is_down(
        self, system: LocalSystem, caseworker: Caller, employer: Caller
    ) -> None:
        card, employment = employed(caseworker, employer)
        system.processes["reporting"].terminate()
        try:
            pending = employer.post("/v1/reports", report_body(employment), wait=0)
            balances = caseworker.get(f"/v1/cards/{card['card_id']}/balances")
            assert (pending.status, balances.status) == (202, 200)
            assert balances["balances"][0]["reported_ore"] == 0
            assert employer.get(pending["outcome"])["status"] == "pending"
        finally:
            system.processes["reporting"].restart()
        outcome = employer.wait_for(pending["outcome"], "status", "done")
        assert outcome["result"]["split"]["exempt_ore"] == 100_000


class TestAccess:
    def test_a_card_of_another_municipality_does_not_exist(self, call: Callable[[str], Caller]) -> None:
        card = call("caseworker-101-a").post("/v1/cards", card_body())
        other = call("caseworker-849")
        path = f"/v1/cards/{card['card_id']}"

        answers = [
            other.get(path),
            *(other.get(f"{path}/{part}") for part in ("balances", "employments", "reports")),
            other.post("/v1/cards/search", {"cpr": card["cpr"]}),
            other.post("/v1/cards/search", {"number": card["number"]}),
            other.post(f"{path}/deactivation", {"case_reference": "S-2"}),
            other.post(f"{path}/hand-over", {"to_municipality": "849"}),
            other.get("/v1/cards/there-is-none"),
        ]

        assert {a.problem for a in answers} == {"card-unknown"}

    def test_another_employers_employment_and_report_do_not_exist(
        self, call: Callable[[str], Caller], caseworker: Caller, employer: Caller
    ) -> None:
        _, employment = employed(caseworker, employer)
        report = employer.post("/v1/reports", report_body(employment))
        other = call("employer-b")
        path = f"/v1/employments/{employment['employment_id']}"
        correction = {name: report_body(employment)[name] for name in ("work", "payment_date", "components")}

        assert {
            other.get(path).problem,
            other.get(f"{path}/allowance").problem,
            other.post(f"{path}/end", {"last": employment["period"]["first"]}).problem,
            other.post("/v1/reports", report_body(employment, "other")).problem,
        } == {"employment-unknown"}
        path = f"/v1/reports/{report['report_id']}"
        assert {
            other.get(path).problem,
            other.post(f"{path}/correction", correction | {"reason": "other"}).problem,
            other.post(f"{path}/withdrawal", {"reason": "other"}).problem,
        } == {"report-unknown"}

    def test_each_role_has_its_own_routes(self, call: Callable[[str], Caller]) -> None:
        for who in ("employer-a", "citizen-1", "authority-skat"):
            assert call(who).post("/v1/cards", card_body()).problem == "role-not-allowed"
        assert call("caseworker-101-a").get("/v1/me/card").problem == "role-not-allowed"
        assert call("caseworker-101-a").get("/v1/allowances").status == 200


class TestGuessing:
    def test_wrong_attempts_get_one_answer_and_are_limited(
        self, call: Callable[[str], Caller], caseworker: Caller
    ) -> None:
        employer = call("employer-c")
        card = caseworker.post("/v1/cards", card_body())
        right = employment_body(card)
        long_ago = right | {"period": {"first": "2020-01-01", "last": "2020-12-31"}}
        attempts = [
            right | {"birth_date": "1901-01-01"},
            right | {"card_number": unused_number(card["number"])},
            long_ago,
        ]

        wrong = [employer.post("/v1/employments", body) for body in attempts]

        assert {(a.status, a["type"], a["title"], a["detail"], frozenset(a.body)) for a in wrong} == {
            (404, wrong[0]["type"], wrong[0]["title"], wrong[0]["detail"], frozenset(wrong[0].body))
        }
        assert wrong[0].problem == "number-or-birth-date-wrong"

        guesses = [employer.post("/v1/employments", right | {"birth_date": f"1901-01-{n:02d}"}) for n in range(2, 6)]
        assert guesses[0].problem == "number-or-birth-date-wrong"
        stopped = next(a for a in guesses if a.problem == "too-many-attempts")  # by a pause, or by the limit of five
        assert stopped.status == 429
        assert 0 < int(stopped.headers["retry-after"]) <= 3600

    def test_correct_attempts_are_not_counted(self, caseworker: Caller, employer: Caller) -> None:
        for _ in range(12):
            employed(caseworker, employer)


class TestPages:
    def test_reports_are_decided_one_at_a_time(self, caseworker: Caller, employer: Caller) -> None:
        _, employment = employed(caseworker, employer)
        for n in range(3):
            employer.post("/v1/reports", report_body(employment, f"p-{n}", 1_000 + n))
        seen, cursor = [], ""
        while True:
            page = employer.get("/v1/reports", employment_id=employment["employment_id"], limit=1, cursor=cursor)
            seen += [r["reference"] for r in page["reports"]]
            if page["next"] is None:
                break
            cursor = page["next"]
        assert seen == ["p-0", "p-1", "p-2"]


class TestPersonalData:
    def test_neither_cpr_nor_name_is_in_the_log(self, system: LocalSystem, caseworker: Caller) -> None:
        body = card_body()
        caseworker.post("/v1/cards", body)
        caseworker.post("/v1/cards/search", {"cpr": body["cpr"]})
        caseworker.post("/v1/cards", body | {"name": [body["name"]]})
        caseworker.get(f"/v1/cards/{body['cpr']}")

        log = system.processes["gateway"].log.read_text()

        assert '"route": "/v1/cards/{card_id}"' in log
        assert body["cpr"] not in log
        assert NAME not in log

    def test_a_search_needs_no_key(self, caseworker: Caller) -> None:
        card = caseworker.post("/v1/cards", card_body())

        found = Answer(caseworker._http.post("/v1/cards/search", json={"number": card["number"]}))

        assert (found.status, found["cpr"], found["name"]) == (200, card["cpr"], NAME)


def unused_number(number: str) -> str:
    """Another number, most likely unused; the response must not reveal whether it is."""
    return f"{(int(number) + 50_000) % 100_000 or 1:05d}"
