"""An employer and a citizen who send forms to the portals: earnings reports, and disputes of reports."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import uuid4

import httpx2
from frikort_contracts.values import birth_date_of

from tests.chaos.environment import Environment
from tests.chaos.journal import Card, Employment, Report
from tests.chaos.load import CONTACT, Load
from tests.chaos.pages import FilledForm, Person
from tests.chaos.timing import for_seconds

_FORMS: Final = 8
_MUNICIPALITY: Final = "849"
_EMPLOYER: Final = "owner-a"
_CITIZEN: Final = "citizen-1"
_DEADLINE_SECONDS: Final = 120.0
_PAUSE: Final = 0.5
_MOST_IN_PROGRESS_SECONDS: Final = 0.2


@dataclass(eq=False)
class Command:
    """A form that someone sends, and the receipt once the portals confirmed it.

    ``report`` is the report that is disputed, or the amount of the one that is made, without its id.
    """

    person: Person
    form: FilledForm
    report: Report
    reference: str | None = None
    receipt: str | None = None


@dataclass
class PortalUsers:
    """The people of one round, as a context manager.

    Confirmed commands go to the journal of ``load``, whose reconciliation checks that each is booked exactly once.
    """

    environment: Environment
    load: Load
    _employer: Person = field(default_factory=Person)
    _citizen: Person = field(default_factory=Person)
    _commands: list[Command] = field(default_factory=list)
    _sending: list[asyncio.Task[None]] = field(default_factory=list)

    async def __aenter__(self) -> PortalUsers:
        self.load.journal.portal_rounds += 1
        self._round = self.load.journal.portal_rounds
        people = self.environment.system.people
        self._cvr, self._cpr = str(people[_EMPLOYER].cvr), str(people[_CITIZEN].cpr)
        self._card = await self._issue()
        self._employment = await self._register()
        url = self.environment.system.portals_url
        await self._employer.sign_in(url, "virksomhed", _EMPLOYER)
        await self._citizen.sign_in(url, "borger", _CITIZEN)
        for number in range(_FORMS):
            self._commands.append(await self._fill_in_report(number))
            self._commands.append(await self._fill_in_dispute(await self._reported(number)))
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._sending:
            task.cancel()
        await asyncio.gather(*self._sending, return_exceptions=True)
        await self._employer.close()
        await self._citizen.close()

    async def begin_to_send(self) -> None:
        """Send a quarter of the forms until they are answered, then begin to send half of them."""
        quarter = len(self._commands) // 4
        await asyncio.gather(*map(self._send, self._commands[:quarter]))
        self._sending = [asyncio.create_task(self._send(command)) for command in self._commands[quarter:-quarter]]
        await for_seconds(self.environment.random.uniform(0, _MOST_IN_PROGRESS_SECONDS))

    async def count_answers(self) -> str:
        """Send the last quarter, which no instance answers. Returns how many forms were confirmed, and how many not."""
        await asyncio.gather(*self._sending, *map(self._send, self._commands[-(len(self._commands) // 4) :]))
        unanswered = self._unanswered()
        return f"{len(self._commands) - len(unanswered)} forms confirmed, {len(unanswered)} without an answer"

    async def count_booked(self) -> str:
        """How many of the forms without an answer are booked. Raises ``AssertionError`` if one is booked twice."""
        people, api = self.load.people, self.load.api
        query: dict[str, str | int] = {"employment_id": self._employment.id, "newest": "true", "limit": 4 * _FORMS}
        page = await api.get(people.employer(self._cvr), "/v1/reports", **query)
        references = [report["reference"] for report in page["reports"]]
        shown = await api.get(people.citizen(self._cpr), "/v1/me/reports")
        disputed = [report["report_id"] for report in shown["reports"] if report["dispute"] is not None]
        counts = [
            disputed.count(command.report.id) if command.reference is None else references.count(command.reference)
            for command in self._unanswered()
        ]
        if max(counts) > 1:
            raise AssertionError("a form without an answer is booked twice")
        return f"{sum(counts)} of them booked"

    async def send_again(self) -> None:
        """Send every form again until it is confirmed, and note it in the journal.

        Raises:
            AssertionError: a form that was confirmed got another receipt.
        """
        first = {command: command.receipt for command in self._commands}
        await asyncio.gather(*map(self._send_until_confirmed, self._commands))
        for command in self._commands:
            if first[command] not in (None, command.receipt):
                raise AssertionError(f"{first[command]} was confirmed, and then {command.receipt}")
            if command.reference is None:
                self.load.journal.disputed.add(command.report.id)
            else:
                command.report.id = str(command.receipt).split("/")[-2]
                self.load.journal.reported(command.report)

    async def _send_until_confirmed(self, command: Command) -> None:
        deadline = time.monotonic() + _DEADLINE_SECONDS
        command.receipt = None
        while command.receipt is None:
            if time.monotonic() > deadline:
                raise AssertionError(f"{command.form.path} was not confirmed in {_DEADLINE_SECONDS:.0f} s")
            await self._send(command)
            if command.receipt is None:
                await asyncio.sleep(_PAUSE)

    async def _send(self, command: Command) -> None:
        """Send the form to one of the instances; it has no receipt if the portals did not answer."""
        name = self.environment.random.choice(self.environment.instances("portals"))
        try:
            command.receipt = await command.person.send(self.environment.system.url(name), command.form)
        except httpx2.TransportError:
            return

    def _unanswered(self) -> list[Command]:
        return [command for command in self._commands if command.receipt is None]

    async def _fill_in_report(self, number: int) -> Command:
        reference, wage = f"form-{self._round}-{number}", self._wage(number)
        day = {"day": f"{self.load.day.day}", "month": f"{self.load.day.month}", "year": f"{self.load.day.year}"}
        dates = {
            f"{name}-{part}": value
            for name in ("payment_date", "work.first", "work.last")
            for part, value in day.items()
        }
        kroner = f"{wage // 100},{wage % 100:02d}"
        values = {**dates, "components.wage_ore": kroner, "reference": reference}
        path = f"/virksomhed/indberet/{self._employment.id}"
        form = await self._employer.fill_in(self.environment.system.portals_url, path, values)
        report = Report("", self._card.id, self._employment.id, self._cvr, wage)
        return Command(self._employer, form, report, reference)

    async def _fill_in_dispute(self, report: Report) -> Command:
        path = f"/borger/loen/{report.id}/indsigelse"
        values = {"reason": "wrong-amount", "message": "Beløbet er for lille."}
        form = await self._citizen.fill_in(self.environment.system.portals_url, path, values)
        return Command(self._citizen, form, report)

    async def _issue(self) -> Card:
        """The citizen's card, issued in the first round of this kind."""
        journal = self.load.journal
        known = next((card for card in journal.cards.values() if card.cpr == self._cpr), None)
        if known is None:
            body = {"cpr": self._cpr, "name": "Opfundet Person", "case_reference": "chaos"}
            answer = await self._command(self.load.people.caseworker(_MUNICIPALITY), "/v1/cards", body)
            birth_date = birth_date_of(self._cpr).isoformat()
            known = Card(answer["card_id"], answer["number"], self._cpr, birth_date, _MUNICIPALITY, self.load.number)
            journal.cards[known.id] = known
        return known

    async def _register(self) -> Employment:
        """The citizen's employment, registered in the first round of this kind."""
        journal = self.load.journal
        known = next((e for e in journal.employments.values() if e.card_id == self._card.id), None)
        if known is None:
            body = {
                "card_number": self._card.number,
                "birth_date": self._card.birth_date,
                "period": {"first": self.load.day.isoformat()},
                "contact": CONTACT,
            }
            answer = await self._command(self.load.people.employer(self._cvr), "/v1/employments", body)
            known = Employment(answer["employment_id"], self._card.id, self._cvr)
            journal.employments[known.id] = known
            self._card.employments.add(known.id)
        return known

    async def _reported(self, number: int) -> Report:
        """A report to dispute."""
        wage, day = self._wage(_FORMS + number), self.load.day.isoformat()
        body = {
            "employment_id": self._employment.id,
            "reference": f"disputed-{self._round}-{number}",
            "work": {"first": day, "last": day},
            "payment_date": day,
            "components": {"wage_ore": wage},
        }
        answer = await self._command(self.load.people.employer(self._cvr), "/v1/reports", body)
        report = Report(answer["report_id"], self._card.id, self._employment.id, self._cvr, wage)
        self.load.journal.reported(report)
        return report

    async def _command(self, token: str, path: str, body: dict[str, Any]) -> Any:
        answer = await self.load.api.command(token, path, body, str(uuid4()))
        if answer.status != httpx2.codes.CREATED:
            raise AssertionError(f"POST {path} was answered {answer.status} {answer.code}")
        return answer.body

    def _wage(self, number: int) -> int:
        """An amount in øre that no other report of the citizen has."""
        return 100_000 + 2 * _FORMS * self._round + number
