"""All data that the API shows a citizen of themselves, as tables for a PDF or a spreadsheet."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Final

from frikort_contracts.http.audit import AccessPage, AccessResource
from frikort_contracts.http.balances import BalanceResource, Balances
from frikort_contracts.http.cards import OwnCardResource
from frikort_contracts.http.common import Resource
from frikort_contracts.http.employments import CardEmploymentResource, CardEmployments
from frikort_contracts.http.mandates import MandateResource, Mandates
from frikort_contracts.http.reports import CardReportResource, CardReports

from services.portals import formats
from services.portals.api import Api, Refused
from services.portals.citizen.labels import COMPONENTS, warned, why
from services.portals.common.accesses import PURPOSES
from services.portals.common.spreadsheet import Cell
from services.portals.documents import record
from services.portals.formats import Language
from services.portals.texts import N_
from services.runtime.csv_writer import Ore

_AT_ONCE: Final = 500
_MOST_ON_PAPER: Final = 5  # columns
_EVENTS: Final = {
    "reported": N_("Indberettet"),
    "corrected": N_("Rettet"),
    "withdrawn": N_("Trukket tilbage"),
    "disputed": N_("Indsigelse"),
    "dispute-answered": N_("Arbejdsgiveren har svaret, at det er rigtigt"),
    "dispute-decided": N_("Kommunen har afgjort indsigelsen"),
    "dispute-ended": N_("Indsigelsen er slut"),
}
_SIDES: Final = {
    "citizen": N_("Dig selv"),
    "municipality": N_("Kommunen"),
    "mandate-holder": N_("En, der har fuldmagt"),
}
_MANDATES: Final = {"active": N_("Gælder"), "expired": N_("Udløbet"), "withdrawn": N_("Trukket tilbage")}
_SCOPES: Final = {"view": N_("Se frikortet"), "represent": N_("Se frikortet og tale med arbejdsgivere")}


class Everything(Resource):
    """The content of the file. Without a card, only the audit log."""

    card: OwnCardResource | None = None
    balances: tuple[BalanceResource, ...] = ()
    employments: tuple[CardEmploymentResource, ...] = ()
    reports: tuple[CardReportResource, ...] = ()
    mandates: tuple[MandateResource, ...] = ()
    accesses: list[AccessResource]


@dataclass(frozen=True)
class Table:
    """A table of one kind of data."""

    heading: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]] = field(default=())


async def everything(api: Api) -> Everything:
    """Read everything. Raises ``Refused``."""
    try:
        card, balances, employments, reports, mandates, accesses = await asyncio.gather(
            api.get("/v1/me/card", OwnCardResource),
            api.get("/v1/me/balances", Balances),
            api.get("/v1/me/employments", CardEmployments),
            api.get("/v1/me/reports", CardReports),
            api.get("/v1/me/mandates", Mandates),
            _accesses(api),
        )
    except Refused as refused:
        if refused.code != "card-unknown":
            raise
        return Everything(accesses=await _accesses(api))
    return Everything(
        card=card,
        balances=tuple(balances.balances),
        employments=tuple(employments.employments),
        reports=tuple(reports.reports),
        mandates=tuple(mandates.mandates),
        accesses=accesses,
    )


async def _accesses(api: Api) -> list[AccessResource]:
    found: list[AccessResource] = []
    cursor: str | None = None
    while True:
        page = await api.get("/v1/me/accesses", AccessPage, own=True, limit=_AT_ONCE, cursor=cursor)
        found += page.accesses
        if page.next is None or page.next == cursor:  # a repeated cursor must not make an endless loop
            return found
        cursor = page.next


def tables(data: Everything, say: Callable[[str], str]) -> Iterator[Table]:
    """Everything as tables; ``say`` translates."""
    if data.card is not None:
        yield from _card(data.card, say)
        yield Table(
            say(N_("År for år")),
            [say(N_("År")), say(N_("Beløbsgrænse")), say(N_("Tjent")), say(N_("Heraf skattefri")),
             say(N_("Over beløbsgrænsen")), say(N_("Rest")), say(N_("Svarer til timer")),
             say(N_("Foreløbig beløbsgrænse"))],
            [[one.year, Ore(one.allowance_ore), Ore(one.reported_ore), Ore(one.exempt_ore), Ore(one.excess_ore),
              Ore(one.remaining_ore), one.converted_hours, say(N_("Ja")) if one.provisional else say(N_("Nej"))]
             for one in data.balances],
        )  # fmt: skip
        yield Table(
            say(N_("Advarsler")),
            [say(N_("Hvornår")), say(N_("Advarsel")), say(N_("Gjaldt til"))],
            [[one.raised_at, say(warned(one.threshold)), one.withdrawn_at]
             for year in data.balances for one in year.warnings],
        )  # fmt: skip
        yield Table(
            say(N_("Arbejde")),
            [say(N_("CVR-nummer")), say(N_("Første dag")), say(N_("Sidste dag")), say(N_("Registreret"))],
            [[one.cvr, one.period.first, one.period.last, one.registered_at] for one in data.employments],
        )
        yield _reports(data.reports, say)
        yield _history(data.reports, say)
        yield Table(
            say(N_("Fuldmagter")),
            [say(N_("Hvem")), say(N_("Må")), say(N_("Sidste dag")), say(N_("Givet")), say(N_("Status"))],
            [[one.name or say(N_("Slettet")),
              say(_SCOPES[one.scope]), one.until, one.granted_at, say(_MANDATES[one.status])]
             for one in data.mandates],
        )  # fmt: skip
    yield audit_log(data, say)


def audit_log(data: Everything, say: Callable[[str], str]) -> Table:
    """The accesses to the data: for most people the longest table."""
    return Table(
        say(N_("Hvem har set på dine oplysninger?")),
        [say(N_("Hvornår")), say(N_("Hvem")), say(N_("Hvad")), say(N_("Hvorfor"))],
        [[one.at, one.by, one.description, one.reason or say(PURPOSES[one.role])] for one in data.accesses],
    )


def on_paper(table: Table, language: Language) -> Iterator[record.Section]:
    """A table as sections of a PDF. A wide table does not fit the page, so each row becomes a section."""
    rows = [[_written(cell, language) for cell in row] for row in table.rows]
    if len(table.columns) <= _MOST_ON_PAPER:
        yield record.Section(table.heading, columns=[record.Column(name) for name in table.columns], rows=rows)
        return
    for number, row in enumerate(rows):
        facts = [fact for fact in zip(table.columns, row, strict=True) if fact[1]]
        yield record.Section("" if number else table.heading, facts=facts)


def in_spreadsheet(tables: Sequence[Table]) -> Iterator[Sequence[Cell]]:
    """The rows of a CSV file: the tables one after another, each with its heading."""
    for table in tables:
        yield [table.heading]
        yield table.columns
        yield from table.rows
        yield []


def _card(card: OwnCardResource, say: Callable[[str], str]) -> Iterator[Table]:
    status = say(N_("Aktivt")) if card.status == "active" else say(N_("Ikke aktivt"))
    yield Table(
        say(N_("Frikort")),
        [say(N_("Navn")), say(N_("Frikortnummer")), say(N_("Kommune")), say(N_("Status"))],
        [[card.name or say(N_("Slettet")), card.number, card.municipality.name, status]],
    )
    yield Table(
        say(N_("Frikortet var aktivt")),
        [say(N_("Første dag")), say(N_("Sidste dag"))],
        [[days.first, days.last] for days in card.active_periods],
    )


def _reports(reports: Sequence[CardReportResource], say: Callable[[str], str]) -> Table:
    return Table(
        say(N_("Indberetninger")),
        [say(N_("Udbetalt")), say(N_("CVR-nummer")), say(N_("Arbejde fra")), say(N_("Arbejde til")),
         *(say(name) for _, name in COMPONENTS), say(N_("I alt")), say(N_("Heraf skattefri")),
         say(N_("Over beløbsgrænsen")), say(N_("Foreløbig beløbsgrænse")), say(N_("Status"))],
        [[one.payment_date, one.cvr, one.work.first, one.work.last,
          *(_counted(one, getattr(one.components, name)) for name, _ in COMPONENTS), _counted(one, one.total_ore),
          None if one.split is None else _counted(one, one.split.exempt_ore),
          None if one.split is None else _counted(one, one.split.excess_ore),
          say(N_("Ja")) if one.provisional else say(N_("Nej")),
          say(N_("Trukket tilbage")) if one.status == "withdrawn"
          else say(N_("Indsigelse")) if one.dispute is not None else say(N_("Tæller med"))]
         for one in reports],
    )  # fmt: skip


def _counted(report: CardReportResource, ore: int) -> Ore:
    """An amount of a report as it counts in the year's sums: nothing once the report is withdrawn."""
    return Ore(0 if report.status == "withdrawn" else ore)


def _history(reports: Sequence[CardReportResource], say: Callable[[str], str]) -> Table:
    return Table(
        say(N_("Indberetningernes historik")),
        [say(N_("Hvornår")), say(N_("CVR-nummer")), say(N_("Hvad")), say(N_("I alt")), say(N_("Hvorfor")),
         say(N_("Besked")), say(N_("Af"))],
        [[entry.at, one.cvr, say(_EVENTS[entry.event]), None if entry.total_ore is None else Ore(entry.total_ore),
          None if entry.reason is None else say(why(entry.event, entry.reason)), entry.message,
          None if entry.by is None else say(_SIDES[entry.by])]
         for one in reports for entry in one.history],
    )  # fmt: skip


def _written(cell: Cell, language: Language) -> str:
    match cell:
        case None:
            return ""
        case Ore(ore):
            return formats.kroner(ore, language)
        case datetime():
            return formats.moment(cell, language)
        case date():
            return formats.day(cell, language)
        case _:
            return str(cell)
