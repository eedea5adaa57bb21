"""The objects in the JSON Lines file of a period. Those of a year are the statements of the authorities' first feeds.

A period has no allowance of its own. So a month says how its payments are divided now by the allowance of the year.
"""

from __future__ import annotations

from datetime import date
from typing import Final

from pydantic import Field

from frikort_contracts.extract_files import ExtractKind
from frikort_contracts.extracts import EmployerLine
from frikort_contracts.months import PaymentMonth
from frikort_contracts.values import Cvr, MunicipalityCode, Ore, Value


class CardMonth(Value):
    """What a card was paid in a month, and how it is divided now. Amounts in øre."""

    card_id: str
    month: PaymentMonth
    municipality: MunicipalityCode = Field(description="The municipality that is responsible for the citizen now.")
    provisional: bool = Field(description="Whether the year's allowance, and so the division, may still change.")
    reported: Ore
    exempt: Ore
    excess: Ore
    reports: int = Field(description="The reports of the month that count.")
    disputed: bool = Field(description="The citizen's side says that a report of the month is not right.")


class EmployersMonth(CardMonth):
    """The same by employer."""

    employers: tuple[EmployerLine, ...] = Field(description="What each employer paid in the month.")
    disputed_employers: tuple[Cvr, ...] = Field(description="The employers of the reports in dispute.")


class TaxMonth(EmployersMonth):
    """The same with the CPR number, as a JWE that only the tax agency can decrypt."""

    cpr: str | None = Field(description="As in a statement for the tax agency. Null after the data were erased.")


class PaidReport(Value):
    """A report of an employer that was paid in the period, and how it is divided now. Amounts in øre."""

    report_id: str
    payment_date: date
    reported: Ore
    exempt: Ore
    excess: Ore
    provisional: bool = Field(description="Whether the year's allowance, and so the division, may still change.")
    disputed: bool = Field(description="The citizen's side says that the report is not right.")


PERIOD_OBJECTS: Final[dict[ExtractKind, type[Value]]] = {
    ExtractKind.TAX_YEAR: TaxMonth,
    ExtractKind.FOLLOW_UP: CardMonth,
    ExtractKind.MUNICIPALITY: CardMonth,
    ExtractKind.EMPLOYER: PaidReport,
    ExtractKind.CITIZEN: EmployersMonth,
}
"""The object of each kind. Statistics have the same rows for a period as for a year."""
