"""Creates the people, cards, employments and reports of a test through the public API.

All are new and invented. Names and contacts contain ``SECRET``, so that the privacy tests can search for it.
"""

from __future__ import annotations

import ssl
import string
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from random import SystemRandom
from threading import Event, Thread
from time import monotonic, sleep
from typing import Any, TypeVar
from uuid import uuid4

import httpx2
from frikort_contracts.values import birth_date_of, is_cvr
from joserfc.jwk import ECKey

from deploy.local import keys
from deploy.local.client import Answer, Caller, headers_of
from deploy.local.people import Person, Role
from deploy.local.system import LocalSystem
from tests import tokens
from tests.integration.documentation import Documentation
from tests.waiting import eventually

T = TypeVar("T")

ALLOWANCE = 4_276_600
ISSUED = date(2025, 1, 6)
STARTED = "2025-01-10"
TODAY = date(2025, 9, 30)
HOME = "101"
ELSEWHERE = "751"
SECRET = "Hemmeligsen"  # part of every name
MARCH = {"first": "2025-03-01", "last": "2025-03-31"}

MAX_WAIT_SECONDS = 30
LONGEST_PAUSE = 8
"""Seconds for which a test pauses after wrong attempts."""

_random = SystemRandom()
_used: set[str] = set()


class Client(Caller):
    """An API client with a person's token. Every response is checked against the OpenAPI document."""

    def __init__(self, world: World, person: Person, token: str) -> None:
        # Not Caller's own client: it would load the certificates for each client, which takes longer than a request.
        self._http = world.http(
            headers=headers_of(token),
            event_hooks={"response": [world.documentation.check]},
        )
        self.person = person

    @property
    def cvr(self) -> str:
        return str(self.person.cvr)

    def send(
        self, method: str, path: str, body: Mapping[str, Any], *, key: str | None = None, wait: int | None = None
    ) -> Answer:
        """Send a command, and wait longer than other callers do, for the machine may be busy."""
        return super().send(method, path, body, key=key, wait=MAX_WAIT_SECONDS if wait is None else wait)

    def raw(
        self, method: str, path: str, content: bytes | str = b"", headers: Mapping[str, str] | None = None
    ) -> Answer:
        """A request with exactly this body and these headers, with the token and the language."""
        encoded = {name.encode(): value.encode() for name, value in (headers or {}).items()}
        return Answer(self._http.request(method, path, content=content, headers=encoded))

    def post_chunked(self, path: str, pieces: Iterator[bytes], headers: Mapping[str, str]) -> Answer:
        """A POST with a chunked body, without Content-Length."""
        response = self._http.post(path, content=pieces, headers=dict(headers))
        assert "content-length" not in response.request.headers
        return Answer(response)

    def without_language(self) -> Client:
        """Send no Accept-Language from now on, so that answers are in Danish."""
        del self._http.headers["Accept-Language"]
        return self

    def without_token(self) -> Client:
        """Send no token from now on."""
        del self._http.headers["Authorization"]
        return self


@dataclass(frozen=True)
class Citizen:
    """A synthetic person: the day of birth has 60 added, which no real one has."""

    cpr: str
    name: str

    @property
    def birth_date(self) -> str:
        return birth_date_of(self.cpr).isoformat()


@dataclass(frozen=True)
class Card:
    """A card, its citizen, and the caseworker who issued it."""

    id: str
    number: str
    citizen: Citizen
    owner: Client
    caseworker: Client

    @property
    def path(self) -> str:
        return f"/v1/cards/{self.id}"

    def balance(self, year: int = 2025) -> dict[str, Any]:
        """The year as the citizen sees it."""
        years = accepted(self.owner.get("/v1/me/balances"), 200)["balances"]
        return next(dict(balance) for balance in years if balance["year"] == year)

    def reports(self) -> list[dict[str, Any]]:
        """The reports as the citizen sees them."""
        return list(accepted(self.owner.get("/v1/me/reports"), 200)["reports"])

    def report(self) -> dict[str, Any]:
        """The one report of the card, as the citizen sees it."""
        (report,) = self.reports()
        return report

    def mandate(self, holder: Citizen, scope: str = "view", *, until: str = "2025-12-31") -> Answer:
        """A mandate that the citizen gives."""
        return accepted(self.owner.post("/v1/me/mandates", mandate_body(holder, scope, until)), 201)

    def warnings(self) -> list[str]:
        """The thresholds of the warnings that are in force, in the order in which they were raised."""
        warnings = accepted(self.owner.get("/v1/me/warnings"), 200)["warnings"]
        return [warning["threshold"] for warning in warnings if warning["withdrawn_at"] is None]


@dataclass(frozen=True)
class Job:
    """An employment."""

    id: str
    employer: Client
    card: Card

    @property
    def path(self) -> str:
        return f"/v1/employments/{self.id}"

    def body(self, amount: int = 100_000, **changes: Any) -> dict[str, Any]:
        """A report of ``amount`` øre for March, paid on its last day, under a new reference."""
        body = {
            "employment_id": self.id,
            "reference": str(uuid4()),
            "work": MARCH,
            "payment_date": "2025-03-31",
            "components": {"wage_ore": amount},
        }
        return body | changes

    def report(self, amount: int = 100_000, **changes: Any) -> Answer:
        """An accepted report."""
        return accepted(self.employer.post("/v1/reports", self.body(amount, **changes)), 201)

    def correction(self, amount: int, **changes: Any) -> dict[str, Any]:
        """The body of a correction to ``amount`` øre."""
        body = {
            "work": MARCH,
            "payment_date": "2025-03-31",
            "components": {"wage_ore": amount},
            "reason": "wrong-amount",
        }
        return body | changes

    def all_views(self) -> dict[str, Any]:
        """Everything that the API shows of the card. A refused command must not change it."""
        card, employer = self.card, self.employer
        return {
            "card": card.caseworker.get(card.path).body,
            "own card": card.owner.get("/v1/me/card").body,
            "balances": card.owner.get("/v1/me/balances").body,
            "warnings": card.owner.get("/v1/me/warnings").body,
            "reports": card.owner.get("/v1/me/reports").body,
            "employments": card.owner.get("/v1/me/employments").body,
            "employer's employments": employer.get("/v1/employments").body,
            "employer's reports": employer.get("/v1/reports").body,
            "left": employer.get(f"{self.path}/allowance", year=2025).body,
        }


@dataclass
class World:
    """The running system, and methods that create people, cards and employments in it."""

    system: LocalSystem
    documentation: Documentation = field(init=False)
    citizens: list[Citizen] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._tls = ssl.create_default_context()
        self._own = self.http()
        self.documentation = Documentation(accepted(Answer(self._own.get("/v1/openapi.json")), 200).body)
        self._began = monotonic()
        self._key: ECKey = keys.signing_key(self.system.keys.provider_key)

    def http(self, **settings: Any) -> httpx2.Client:
        """A client of the gateway."""
        return httpx2.Client(base_url=self.system.gateway_url, timeout=40, verify=self._tls, **settings)

    def on(self, day: date, time: str = "12:00") -> None:
        """Set the gateway's clock to this moment (UTC) plus the time since the start, so that no day goes back."""
        moment = datetime.fromisoformat(f"{day}T{time}:00+00:00") + timedelta(seconds=monotonic() - self._began)
        self._own.put("/local/clock", json={"time": moment.isoformat()}).raise_for_status()

    def reset_clock(self) -> None:
        self._own.delete("/local/clock").raise_for_status()

    def metrics(self, service: str = "gateway") -> str:
        """The metrics of a service."""
        return self._probe(f"{self.system.health_url(service)}/metrics").text

    def readiness(self, service: str = "gateway") -> httpx2.Response:
        """The readiness of a process."""
        return self._probe(f"{self.system.health_url(service)}/health/ready")

    def _probe(self, url: str) -> httpx2.Response:
        # Probes come seconds apart: a kept connection may be closed by the server just as the next one is sent.
        return self._own.get(url, headers={"Connection": "close"})

    def caseworker(self, municipality: str = HOME) -> Client:
        return self.client("caseworker", municipality=municipality)

    def employer(self, *, owners: Sequence[Citizen] = ()) -> Client:
        """A new employer; ``owners`` make it a sole trader's business."""
        return self.client("employer", cvr=_never_used(_cvr), owners=tuple(owner.cpr for owner in owners) or None)

    def authority(self, name: str) -> Client:
        return self.client("authority", authority=name)

    def client(self, role: Role, **claims: Any) -> Client:
        """A client of a new person in this role."""
        person = Person(id=f"test-{role}-{uuid4()}", role=role, name="a test", about="made by a test", **claims)
        return Client(self, person, self.token(person))

    def token(self, person: Person, **changes: Any) -> str:
        """A token as the OpenID provider would sign it; ``changes`` as in ``tokens.issue``."""
        return tokens.issue(changes.pop("key", self._key), person, **{"issuer": self.system.provider_url, **changes})

    def citizen(self) -> Citizen:
        letters = "".join(_random.choices(string.ascii_lowercase, k=8)).title()
        citizen = Citizen(_never_used(_cpr), f"{letters} {SECRET}")
        self.citizens.append(citizen)
        return citizen

    def card(
        self, citizen: Citizen | None = None, *, municipality: str = HOME, on: date = ISSUED, case: str = "2025-0042"
    ) -> Card:
        """A new card, issued on the day ``on``; afterwards it is ``TODAY``."""
        citizen = citizen or self.citizen()
        caseworker = self.caseworker(municipality)
        self.on(on)
        issued = accepted(caseworker.post("/v1/cards", issue_body(citizen, case)), 201)
        self.on(TODAY)
        owner = self.client("citizen", cpr=citizen.cpr)
        return Card(issued["card_id"], issued["number"], citizen, owner, caseworker)

    def job(self, card: Card | None = None, *, employer: Client | None = None, last: str | None = None) -> Job:
        """An employment from ``STARTED``, of a new card at a new employer unless they are given."""
        card = card or self.card()
        employer = employer or self.employer()
        registered = accepted(employer.post("/v1/employments", employment_body(card, last=last)), 201)
        return Job(registered["employment_id"], employer, card)


def issue_body(citizen: Citizen, case: str = "2025-0042") -> dict[str, Any]:
    return {"cpr": citizen.cpr, "name": citizen.name, "case_reference": case}


def mandate_body(holder: Citizen, scope: str = "view", until: str = "2025-12-31") -> dict[str, Any]:
    return {"cpr": holder.cpr, "name": holder.name, "scope": scope, "until": until}


def employment_body(card: Card, *, last: str | None = None, **changes: Any) -> dict[str, Any]:
    body = {
        "card_number": card.number,
        "birth_date": card.citizen.birth_date,
        "period": {"first": STARTED, "last": last},
        "contact": {"name": f"Kontakt {SECRET}", "email": f"{SECRET.lower()}@example.dk", "phone": "+45 12 34 56 78"},
    }
    return body | changes


def accepted(answer: Answer, status: int) -> Answer:
    """Assert the status of an answer, and return the answer."""
    assert answer.status == status, repr(answer)
    return answer


def refused(answer: Answer, status: int, code: str) -> Answer:
    """Assert that an answer is a complete problem document with this status and code, and return it."""
    assert (answer.status, answer.problem) == (status, code), repr(answer)
    assert answer.headers["content-type"].startswith("application/problem+json")
    assert answer["type"] == f"/problems/{code}"
    assert answer["status"] == status
    assert answer["title"]
    assert answer["detail"]
    assert answer["instance"].startswith("urn:uuid:")
    assert answer.headers["cache-control"] == "no-store"
    return answer


def concurrently(calls: Sequence[Callable[[], T]]) -> list[T]:
    """Make calls at the same time. Returns their results in order."""
    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(lambda call: call(), calls))


def after_pause(employer: Client, card: Card, **changes: Any) -> Answer:
    """The answer to the registration of an employment, sent again after each short pause that a refusal asks for."""
    body = employment_body(card, **changes)
    answer = employer.post("/v1/employments", body)
    while answer.status == 429 and (pause := int(answer.headers["retry-after"])) <= LONGEST_PAUSE:
        sleep(pause)
        answer = employer.post("/v1/employments", body)
    return answer


async def within_an_hour() -> None:
    """Wait for the next hour if this one is about to end: wrong attempts are counted by the hour of the real clock."""

    async def far_from_its_end() -> bool:
        now = datetime.now(UTC)
        return now.minute < 59 or now.second < 40

    await eventually(far_from_its_end)


def _cpr() -> str:
    birth = date(1940, 1, 1).toordinal() + _random.randrange(59 * 365)
    day = date.fromordinal(birth)
    return f"{day.day + 60:02d}{day:%m%y}{_random.randrange(1, 4000):04d}"


def _cvr() -> str:
    while not is_cvr(text := str(_random.randrange(10_000_000, 100_000_000))):
        pass
    return text


def _never_used(number: Callable[[], str]) -> str:
    """A number that no other citizen or employer has: of a few thousand random ones, two may well be equal."""
    while (found := number()) in _used:
        pass
    _used.add(found)
    return found


@contextmanager
def repeated(step: Callable[[], None]) -> Iterator[None]:
    """Repeat ``step`` in a thread, within the context."""
    stopped = Event()

    def repeat() -> None:
        while not stopped.is_set():
            step()

    thread = Thread(target=repeat)
    thread.start()
    try:
        yield
    finally:
        stopped.set()
        thread.join()
