"""The ways in which an employer reports: a page, the API, JSON Lines, and CSV in two notations.

Each sends the same report in its own notation. The result is what the services decided, or the wrong fields.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any, Final
from uuid import uuid4

import httpx2
from frikort_contracts.http.payroll import DANISH_CSV_COLUMNS
from frikort_contracts.outcomes import CommandRefused

from tests.doors.world import NUMBER, World
from tests.portals.site import FORM

AMOUNTS: Final = ("wage_ore", "holiday_pay_ore", "atp_ore", "pension_ore")
ENGLISH_COLUMNS: Final = (
    "employment_id", "card_number", "reference", "work_first", "work_last", "payment_date", *AMOUNTS, "allow_duplicate",
    "allow_large_amount",
)  # fmt: skip


@dataclass(frozen=True)
class Entry:
    """What a person or a program wants to report. Amounts are in øre; ``written`` replaces the text of a field.

    The keys of ``written`` are the columns of the Danish CSV format.
    """

    reference: str = "2025-03/4711"
    work_first: date = date(2025, 3, 1)
    work_last: date = date(2025, 3, 31)
    payment_date: date = date(2025, 3, 31)
    wage_ore: int = 750_000
    holiday_pay_ore: int = 0
    atp_ore: int = 0
    pension_ore: int = 0
    allow_duplicate: bool = False
    allow_large_amount: bool = False
    written: Mapping[str, str] = field(default_factory=dict)

    def changed(self, **changes: Any) -> Entry:
        return replace(self, **changes)


@dataclass(frozen=True)
class Result:
    """What became of a report: ``booked`` (its command), ``problem`` (its code), or ``errors`` (pointer, and code)."""

    booked: Any = None
    problem: str | None = None
    pointers: frozenset[str] = frozenset()

    @property
    def content(self) -> tuple[Any, ...]:
        """The content of the booked report."""
        command = self.booked
        assert command is not None, self
        return command.reference, command.work, command.payment_date, command.components, command.allow_duplicate

    @property
    def decision(self) -> str:
        """Booked, the problem, or the wrong fields. An error of the period is one of its last day."""
        if self.booked is not None:
            return "booked"
        pointers = {"/work/last" if pointer == "/work" else pointer for pointer in self.pointers}
        return self.problem or ", ".join(sorted(pointers)) or "nothing"


Door = Callable[[World, str, Entry], Awaitable[Result]]


def kroner(ore: int) -> str:
    """An amount as a Danish person writes it."""
    whole = f"{abs(ore) // 100:,}".replace(",", ".")
    return f"{'-' if ore < 0 else ''}{whole},{abs(ore) % 100:02d}"


def cells(entry: Entry) -> dict[str, str]:
    """The texts of a row of a Danish file, by column."""
    days = [f"{day:%d-%m-%Y}" for day in (entry.work_first, entry.work_last, entry.payment_date)]
    amounts = [kroner(getattr(entry, name)) for name in AMOUNTS]
    texts = [
        "",
        NUMBER,
        entry.reference,
        *days,
        *amounts,
        "ja" if entry.allow_duplicate else "nej",
        "ja" if entry.allow_large_amount else "nej",
    ]
    return dict(zip(DANISH_CSV_COLUMNS, texts, strict=True)) | dict(entry.written)


def json_body(entry: Entry, **about: Any) -> dict[str, Any]:
    """The report as a program writes it."""
    return {
        **about,
        "reference": entry.reference,
        "work": {"first": entry.work_first.isoformat(), "last": entry.work_last.isoformat()},
        "payment_date": entry.payment_date.isoformat(),
        "components": {name: getattr(entry, name) for name in AMOUNTS},
        "allow_duplicate": entry.allow_duplicate,
        "allow_large_amount": entry.allow_large_amount,
    }


async def send_form(world: World, employment_id: str, entry: Entry) -> httpx2.Response:
    """Send the form of the employer's portal with its summary confirmed. Returns the page that follows."""
    texts = cells(entry)
    fields = {
        "reference": texts["Reference"],
        "components.wage_ore": texts["Løn (kr.)"],
        "components.holiday_pay_ore": texts["Feriepenge (kr.)"],
        "components.atp_ore": texts["ATP (kr.)"],
        "components.pension_ore": texts["Pension (kr.)"],
        "allow_duplicate": "true" if texts["Tillad dublet"] == "ja" else "",
        "allow_large_amount": "true" if texts["Tillad stort beløb"] == "ja" else "",
    }
    for name, column in (("work.first", "Arbejde fra"), ("work.last", "Arbejde til"), ("payment_date", "Betalingsdag")):
        parts = [*texts[column].split("-"), "", ""][:3]
        fields |= {f"{name}-{part}": text for part, text in zip(("day", "month", "year"), parts, strict=True)}
    path = f"/virksomhed/indberet/{employment_id}"
    return await world.pages.post(path, data={**FORM, "key": str(uuid4()), "step": "send", **fields})


async def by_page(world: World, employment_id: str, entry: Entry) -> Result:
    """The form of the employer's portal."""
    known = len(world.services.outcomes)
    answer = await send_form(world, employment_id, entry)
    if len(world.services.outcomes) > known:
        return _decided(world)
    wrong = re.findall(r'<a class="function-link" href="#([^"]+)">', answer.text)
    return Result(pointers=frozenset(_pointer(html.unescape(one)) for one in wrong))


def _pointer(input_id: str) -> str:
    """The JSON pointer of the field with this input."""
    name = re.sub(r"-(?:day|month|year)$", "", input_id)
    group, _, last = name.partition("-")
    return f"/{group}/{last}" if last else f"/{name}"


async def by_api(world: World, employment_id: str, entry: Entry) -> Result:
    """A single report by a program."""
    known = len(world.services.outcomes)
    body = json_body(entry, employment_id=employment_id)
    answer = await world.api.post("/v1/reports", json=body, headers=world.headers)
    if len(world.services.outcomes) > known:
        return _decided(world)
    return Result(pointers=frozenset(error["pointer"] for error in answer.json()["errors"]))


async def by_json_lines(world: World, _: str, entry: Entry) -> Result:
    """A file of JSON Lines."""
    content = json.dumps(json_body(entry, card_number=NUMBER)).encode()
    return await _by_file(world, content, "application/jsonl")


async def by_danish_csv(world: World, _: str, entry: Entry) -> Result:
    """A CSV file as a Danish spreadsheet saves it."""
    rows = [";".join(DANISH_CSV_COLUMNS), ";".join(_quoted(text) for text in cells(entry).values())]
    return await _by_file(world, "\r\n".join(rows).encode(), "text/csv")


async def by_english_csv(world: World, _: str, entry: Entry) -> Result:
    """A CSV file by a program."""
    body = json_body(entry)
    texts = [
        "", NUMBER, entry.reference, body["work"]["first"], body["work"]["last"], body["payment_date"],
        *(str(body["components"][name]) for name in AMOUNTS),
        *(str(one).lower() for one in (entry.allow_duplicate, entry.allow_large_amount)),
    ]  # fmt: skip
    rows = [",".join(ENGLISH_COLUMNS), ",".join(map(_quoted, texts))]
    return await _by_file(world, "\n".join(rows).encode(), "text/csv")


DOORS: Final[dict[str, Door]] = {
    "page": by_page,
    "api": by_api,
    "json lines": by_json_lines,
    "danish csv": by_danish_csv,
    "english csv": by_english_csv,
}
PEOPLE: Final[dict[str, Door]] = {"page": by_page, "danish csv": by_danish_csv}
"""Those that read what people write."""


async def _by_file(world: World, content: bytes, media_type: str) -> Result:
    known = len(world.services.outcomes)
    sent = await world.send_file(content, media_type)
    assert sent.status_code == 201, sent.text
    (line,) = await world.book(sent.json()["batch_id"])
    if len(world.services.outcomes) > known:
        return _decided(world)
    return Result(pointers=frozenset(error["pointer"] for error in line["errors"]))


def _decided(world: World) -> Result:
    outcome = world.services.outcomes[-1]
    if isinstance(outcome, CommandRefused):
        return Result(problem=outcome.problem)
    return Result(booked=world.services.commands[-1])


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'
