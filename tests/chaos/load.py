"""The load: concurrent clients that send commands and record the answers in the journal.

Each card, employment and report is changed by one client at a time, so its state follows from the acknowledged
commands. Several employers report on one card at the same time; the order of these reports is that of the topic.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from random import Random
from typing import Any, Final
from uuid import UUID

from frikort_contracts.values import birth_date_of

from tests.chaos.client import Api, Unanswered
from tests.chaos.client import Final as Answer
from tests.chaos.journal import Card, Employment, Journal, Report
from tests.chaos.people import MUNICIPALITIES, People
from tests.chaos.timing import Pace

WORKERS = 10
_NEWEST_CARDS = 10
_EMPLOYERS_A_ROUND = 4
_CARDS_IN_A_FILE: Final = 3
_LARGE_FILE_SECONDS: Final = 900.0
_KINDS: Final = {
    "issue": 3,
    "register": 5,
    "report": 50,
    "file": 4,
    "correct": 10,
    "withdraw": 5,
    "again": 6,
    "replay": 4,
    "deactivate": 1,
    "hand_over": 2,
    "wrong": 6,
}
CONTACT = {"name": "Kontor", "email": "kontor@example.dk", "phone": "+45 12 34 56 78"}


@dataclass
class Sent:
    """A report as sent, to be sent again; with the same key while ``keeps_key``."""

    report: Report
    token: str
    body: dict[str, Any]
    key: str
    answer: Answer
    keeps_key: bool = True


@dataclass
class Load:
    """The clients of a run. ``number`` and ``day`` belong to the round: all work is done and paid on its day.

    Each client sends a command when its last one is answered, as fast as it can unless ``pace`` limits it.
    """

    api: Api
    people: People
    journal: Journal
    random: Random
    number: int = 0
    day: date = date(2025, 2, 3)
    reports_in_a_file: int = 4
    pace: Pace = field(default_factory=Pace)
    _cards: list[Card] = field(default_factory=list)
    _employers: list[str] = field(default_factory=list)
    _sent: list[Sent] = field(default_factory=list)
    _busy: set[str] = field(default_factory=set)
    _going: bool = False
    _tasks: list[asyncio.Task[None]] = field(default_factory=list)
    _amount: int = 0
    under_way: int = 0

    def begin(self, number: int, day: date) -> None:
        """Start the clients of a round, with new citizens and employers and sometimes earlier ones."""
        self.number, self.day = number, day
        self._employers = [self.people.cvr() for _ in range(_EMPLOYERS_A_ROUND)]
        self._going = True
        self._tasks = [asyncio.create_task(self._client()) for _ in range(WORKERS)]

    async def end(self) -> None:
        """Send no new commands. Returns when all commands have a final answer."""
        self._going = False
        await asyncio.gather(*self._tasks)

    @property
    def acknowledged(self) -> int:
        return self.journal.acknowledged.total()

    async def _client(self) -> None:
        actions: dict[str, Callable[[], Awaitable[bool]]] = {kind: getattr(self, f"_{kind}") for kind in _KINDS}
        while self._going:
            await self.pace.turn()
            kind = self.random.choices(list(_KINDS), list(_KINDS.values()))[0]
            self.under_way += 1
            try:
                if not await actions[kind]() and not await self._report():
                    await self._issue()
            except Unanswered as error:
                self.journal.surprises.append(str(error))
            finally:
                self.under_way -= 1

    async def _command(
        self, kind: str, token: str, path: str, body: Mapping[str, Any], *wanted: int, key: str | None = None
    ) -> Answer | None:
        """The answer to a command that must be accepted. None, and an entry in ``surprises``, if it was not."""
        answer = await self.api.command(token, path, body, key or self._key())
        if answer.status in wanted:
            self.journal.acknowledged[kind] += 1
            return answer
        self.journal.surprises.append(f"{kind} {path} was answered {answer.status} {answer.code}")
        return None

    async def _refusal(self, token: str, path: str, body: Mapping[str, Any], code: str) -> None:
        """Send a command that must be refused with ``code``."""
        answer = await self.api.command(token, path, body, self._key())
        if answer.code == code:
            self.journal.refused[code] += 1
        else:
            self.journal.surprises.append(f"{path} was answered {answer.status} {answer.code}, not {code}")

    async def new_employment(self) -> Employment:
        """A new citizen's employment with a new employer, which no client reports for. Raises ``Unanswered``."""
        card = await self._issued()
        if card is None or not await self._register_for(card, self.people.cvr()):
            raise Unanswered("a new card and its employment were refused")
        return self.journal.employments[min(card.employments)]

    async def _issue(self) -> bool:
        card = await self._issued()
        if card is not None:
            self._cards.append(card)
            await self._register_for(card)
        return True

    async def _issued(self) -> Card | None:
        cpr, municipality = self.people.cpr(), self.random.choice(MUNICIPALITIES[:2])
        body = {"cpr": cpr, "name": "Opfundet Person", "case_reference": f"r{self.number}"}
        answer = await self._command("issue", self.people.caseworker(municipality), "/v1/cards", body, 201)
        if answer is None:
            return None
        birth_date = birth_date_of(cpr).isoformat()
        card = Card(answer.body["card_id"], answer.body["number"], cpr, birth_date, municipality, self.number)
        if card.id in self.journal.cards:
            self.journal.surprises.append(f"two people got the card {card.id}")
        self.journal.cards[card.id] = card
        self._touch(card)
        return card

    async def _register(self) -> bool:
        card = self._some_card()
        return card is not None and await self._register_for(card)

    async def _register_for(self, card: Card, cvr: str | None = None) -> bool:
        cvr = cvr or self.random.choice(self._employers)
        mine = {self.journal.employments[e].cvr for e in card.employments}
        with self._held(f"{card.id}/{cvr}") as free:
            if not free or cvr in mine or len(mine) >= 3 or card.deactivated_in is not None:
                return False
            body = {
                "card_number": card.number,
                "birth_date": card.birth_date,
                "period": {"first": self.day.isoformat()},
                "contact": CONTACT,
            }
            answer = await self._command("register", self.people.employer(cvr), "/v1/employments", body, 201)
            if answer is not None:
                employment = Employment(answer.body["employment_id"], card.id, cvr)
                self.journal.employments[employment.id] = employment
                card.employments.add(employment.id)
                self._touch(card)
        return True

    async def _report(self) -> bool:
        card = self._some_card()
        if card is None or not card.employments:
            return False
        employment = self.journal.employments[self.random.choice(sorted(card.employments))]
        token, key, body = self.people.employer(employment.cvr), self._key(), self._report_body(employment.id)
        if card.deactivated_in is not None and card.deactivated_in < self.number:
            await self._refusal(token, "/v1/reports", body, "card-not-active")
            return True
        answer = await self._command("report", token, "/v1/reports", body, 201, key=key)
        if answer is not None:
            total = body["components"]["wage_ore"]
            report = Report(answer.body["report_id"], card.id, employment.id, employment.cvr, total)
            self.journal.reported(report)
            self._sent.append(Sent(report, token, body, key, answer))
            if answer.body["split"] is None or answer.body["total_ore"] != total:
                self.journal.surprises.append(f"report {report.id} was answered without its split or its amount")
        return True

    async def _file(self) -> bool:
        """A payroll file: some reports for each of an employer's cards, and one invalid line."""
        cvr = self.random.choice(self._employers)
        employments = [
            employment
            for employment in self.journal.employments.values()
            if employment.cvr == cvr and self.journal.cards[employment.card_id].deactivated_in is None
        ]
        if not employments:
            return False
        of_lines = [e for e in employments[-_CARDS_IN_A_FILE:] for _ in range(self.reports_in_a_file)]
        lines = await self._book(of_lines, {"reference": "wrong"})
        if [line["result"] for line in lines] != [*len(of_lines) * ["accepted"], "error"]:
            self.journal.surprises.append(f"a file of {len(of_lines)} good lines became {lines}")
        return True

    async def book_file(self, employment: Employment, count: int) -> Counter[str]:
        """Book a payroll file of ``count`` reports of one employment. Returns how many lines have each problem.

        The problem of an accepted line is "".
        """
        lines = await self._book(count * [employment], within=_LARGE_FILE_SECONDS)
        return Counter("" if line["result"] == "accepted" else line["problem"]["code"] for line in lines)

    async def _book(
        self, of_lines: Sequence[Employment], *others: Mapping[str, Any], within: float | None = None
    ) -> list[dict[str, Any]]:
        """The results of a payroll file of one employer: a report for each of its employments, then ``others``."""
        bodies = [self._report_body(employment.id) for employment in of_lines]
        lines = await self.api.file(
            self.people.employer(of_lines[0].cvr), [*bodies, *others], self._key(), within=within
        )
        for employment, body, line in zip(of_lines, bodies, lines, strict=False):
            if line["result"] == "accepted":
                total = body["components"]["wage_ore"]
                self.journal.acknowledged["line"] += 1
                self.journal.reported(
                    Report(line["report_id"], employment.card_id, employment.id, employment.cvr, total)
                )
        return lines

    async def _correct(self) -> bool:
        return await self._change("correct", "correction", self._content() | {"reason": "wrong-amount"})

    async def _withdraw(self) -> bool:
        return await self._change("withdraw", "withdrawal", {"reason": "reported-twice"})

    async def _change(self, kind: str, path: str, body: dict[str, Any]) -> bool:
        sent = self._some_sent()
        if sent is None:
            return False
        report, card = sent.report, self.journal.cards[sent.report.card_id]
        with self._held(report.id) as free:
            if not free or (card.deactivated_in is not None and kind == "correct"):
                return False
            where = f"/v1/reports/{report.id}/{path}"
            if report.withdrawn:
                await self._refusal(sent.token, where, body, "report-withdrawn")
            elif await self._command(kind, sent.token, where, body, 200) is not None:
                report.revision += 1
                report.withdrawn = kind == "withdraw"
                report.total = 0 if report.withdrawn else body["components"]["wage_ore"]
                self._touch(card)
        return True

    async def _again(self) -> bool:
        """The same report under another key, as in a file that is sent twice. It must be recognised."""
        sent = self._some_sent()
        if sent is None:
            return False
        with self._held(sent.report.id) as free:
            if not free:
                return False
            if sent.report.withdrawn:
                await self._refusal(sent.token, "/v1/reports", sent.body, "report-withdrawn")
            else:
                answer = await self._command("again", sent.token, "/v1/reports", sent.body, 200)
                known = sent.report.id, True
                if answer is not None and (answer.body["report_id"], answer.body["already_reported"]) != known:
                    self.journal.surprises.append(f"report {sent.report.id} was not known when it came again")
        return True

    async def _replay(self) -> bool:
        """The same request under the same key gives the same answer."""
        sent = self._some_sent()
        if sent is None or not sent.keeps_key:
            return False
        answer = await self.api.command(sent.token, "/v1/reports", sent.body, sent.key)
        if answer.status == 201 and answer.body == sent.answer.body:
            self.journal.acknowledged["replay"] += 1
        elif sent.keeps_key:
            self.journal.surprises.append(f"report {sent.report.id}, sent again, got {answer.status} {answer.code}")
        return True

    def forget_keys(self) -> None:
        """Send no earlier request under its key again: what compares them is removed (decision 0046)."""
        for sent in self._sent:
            sent.keeps_key = False

    async def _deactivate(self) -> bool:
        card = self._some_card()
        if card is None:
            return False
        with self._held(card.id) as free:
            if not free or card.deactivated_in is not None:
                return False
            # From now on no client treats it as active; work on its last day can still be reported.
            card.deactivated_in = self.number
            path, body = f"/v1/cards/{card.id}/deactivation", {"case_reference": f"r{self.number}"}
            if await self._command("deactivate", self.people.caseworker(card.municipality), path, body, 200) is None:
                card.deactivated_in = None
            self._touch(card)
        return True

    async def _hand_over(self) -> bool:
        card = self._some_card()
        if card is None:
            return False
        with self._held(card.id) as free:
            if not free:
                return False
            before, after = (
                card.municipality,
                self.random.choice([code for code in MUNICIPALITIES if code != card.municipality]),
            )
            path, body = f"/v1/cards/{card.id}/hand-over", {"to_municipality": after}
            if await self._command("hand_over", self.people.caseworker(before), path, body, 200) is not None:
                card.municipality = after
                self._touch(card)
                await self._refusal(self.people.caseworker(before), path, body, "card-unknown")
        return True

    async def _wrong(self) -> bool:
        """A request that must be refused and change nothing."""
        sent = self._some_sent()
        if sent is None or (card := self.journal.cards[sent.report.card_id]).deactivated_in is not None:
            return False
        body = self._report_body(sent.report.employment_id)
        match self.random.randrange(4):
            case 0:
                # Change the amount: two reports of the whole allowance on one day would otherwise be equal.
                other = {"wage_ore": sent.body["components"]["wage_ore"] + 1}
                reused = sent.body | {"components": other}
                await self._refusal(sent.token, "/v1/reports", reused, "reference-reused")
            case 1:
                future = body | {"payment_date": f"{self.day.year}-12-31"}
                await self._refusal(sent.token, "/v1/reports", future, "payment-in-future")
            case 2:
                nothing = body | {"components": {"wage_ore": 0}}
                await self._refusal(sent.token, "/v1/reports", nothing, "amount-zero")
            case _:
                person = {"cpr": card.cpr, "name": "Opfundet Person", "case_reference": "igen"}
                await self._refusal(self.people.caseworker(MUNICIPALITIES[3]), "/v1/cards", person, "card-exists")
        return True

    def _content(self) -> dict[str, Any]:
        """Work of one day, paid on that day. No two amounts are equal, so none is a possible duplicate."""
        self._amount += 1
        wage = self.random.randrange(200_000, 1_300_000, 10_000) + self._amount % 10_000
        if self.random.random() < 0.05:
            wage = 4_276_600  # exactly the allowance
        day = self.day.isoformat()
        return {"work": {"first": day, "last": day}, "payment_date": day, "components": {"wage_ore": wage}}

    def _report_body(self, employment_id: str) -> dict[str, Any]:
        return {"employment_id": employment_id, "reference": self._key(), "allow_duplicate": True, **self._content()}

    def _some_card(self) -> Card | None:
        """Mostly one of the newest cards, so that they reach their allowance."""
        if not self._cards:
            return None
        newest = self._cards[-_NEWEST_CARDS:]
        return self.random.choice(newest if self.random.random() < 0.9 else self._cards)

    def _some_sent(self) -> Sent | None:
        if not self._sent:
            return None
        newest = self._sent[-8 * _NEWEST_CARDS :]
        return self.random.choice(newest if self.random.random() < 0.9 else self._sent)

    def _touch(self, card: Card) -> None:
        self.journal.touched.add(card.id)

    def _key(self) -> str:
        return str(UUID(int=self.random.getrandbits(128), version=4))

    @contextmanager
    def _held(self, name: str) -> Iterator[bool]:
        """Lock a card, employment or report. Yields False if another client holds it."""
        if name in self._busy:
            yield False
            return
        self._busy.add(name)
        try:
            yield True
        finally:
            self._busy.discard(name)
