"""What a receipt says: the same facts on the page, in print and in the PDF; the CSV file has them as columns."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Final, NamedTuple

from frikort_contracts.http.employments import EmploymentResource
from frikort_contracts.http.reports import ReportDetail, ReportResource

from services.portals import formats
from services.portals.employer import helpers
from services.portals.page import Page
from services.portals.texts import N_

STATUS: Final = {"accepted": N_("Modtaget"), "withdrawn": N_("Trukket tilbage")}
COMPONENTS: Final = (
    ("wage_ore", N_("Løn")),
    ("holiday_pay_ore", N_("Feriepenge")),
    ("atp_ore", N_("ATP")),
    ("pension_ore", N_("Pension")),
)


class Counted(NamedTuple):
    """What a report adds to the sums of a year, in øre: nothing once it is withdrawn.

    ``exempt`` and ``excess`` are None for a moment, until the report is settled.
    """

    components: Sequence[int]
    total: int
    exempt: int | None
    excess: int | None


def counted(report: ReportResource) -> Counted:
    """The amounts that every list and sum has of a report."""
    if report.status == "withdrawn":
        return Counted([0] * len(COMPONENTS), 0, 0, 0)
    split = report.split
    return Counted(
        [getattr(report.components, field) for field, _ in COMPONENTS],
        report.total_ore,
        None if split is None else split.exempt_ore,
        None if split is None else split.excess_ore,
    )


def number(report: ReportResource) -> str:
    """The number of the receipt. A correction or withdrawal has another one."""
    return f"{report.report_id}/{report.revision}"


def facts(page: Page, report: ReportDetail, employment: EmploymentResource) -> list[tuple[str, str]]:
    """(what, value) of everything that bookkeeping needs, in the language of the page."""

    def day(one: date) -> str:
        return formats.day(one, page.language)

    def moment(at: datetime | None) -> str:
        return "" if at is None else formats.moment(at, page.language)

    def kroner(ore: int | None) -> str:
        return _("Bliver regnet ud") if ore is None else formats.kroner(ore, page.language)

    _ = page.gettext
    corrected = [entry.at for entry in report.history if entry.event == "corrected"]
    of_year = counted(report)
    found = [
        (_("Virksomhed"), helpers.company(page)),
        (_("CVR-nummer"), helpers.cvr(page)),
        (_("Frikortnummer"), employment.card_number or ""),
        (_("Dit eget navn for ansættelsen"), employment.label or ""),
        (_("Reference"), report.reference or _("Slettet")),
        (_("Status"), _(STATUS[report.status])),
        (_("Modtaget"), moment(report.reported_at)),
        (_("Rettet"), moment(corrected[-1] if corrected else None)),
        (_("Trukket tilbage"), moment(report.withdrawn_at)),
        (_("Betalt"), day(report.payment_date)),
        (_("Første arbejdsdag"), day(report.work.first)),
        (_("Sidste arbejdsdag"), day(report.work.last or report.work.first)),
        *((_(name), kroner(ore)) for field, name in COMPONENTS if (ore := getattr(report.components, field))),
        (_("I alt"), kroner(report.total_ore)),
        (_("Skattefri frikortløn"), kroner(of_year.exempt)),
        (_("Almindelig løn med skat"), kroner(of_year.excess)),
        (_("Kvitteringens nummer"), number(report)),
    ]
    return [fact for fact in found if fact[1]]


def provisional(page: Page, report: ReportResource) -> str:
    """A sentence if the year's allowance is provisional, else nothing."""
    if not report.provisional:
        return ""
    return page.gettext("Beløbsgrænsen for %(year)s er foreløbig og kan blive ændret.", year=report.year)
