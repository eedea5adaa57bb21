"""The check of a payroll file before it is reported: several dry runs at once, each of which counts those before it."""

from __future__ import annotations

from datetime import date
from typing import ClassVar

from pydantic import Field, model_validator

from frikort_contracts.references import ClearReference, EncryptedReference, ReportId, check_one_form
from frikort_contracts.reporting import EmployerCommand
from frikort_contracts.values import (
    Components,
    KeyedHash,
    Revision,
    Value,
    WorkPeriod,
)


class CheckedReport(Value):
    """A report as ``ReportEarnings`` would send it, and the id under which its outcome is published.

    Without an id it has no outcome: it is checked only because a later one may depend on it.
    """

    command_id: str | None
    employment_id: str
    reference: ClearReference = None
    report_id: ReportId = None
    reference_ciphertext: EncryptedReference = None
    work: WorkPeriod
    payment_date: date
    components: Components
    allow_duplicate: bool = False
    allow_large_amount: bool = False

    @model_validator(mode="after")
    def _has_one_reference(self) -> CheckedReport:
        check_one_form(self.reference, self.report_id, self.reference_ciphertext)
        return self


class CheckReports(EmployerCommand):
    """Decide these reports of one card in their order without booking any; a later one counts those before it.

    Each report with an id has the outcome that ``ReportEarnings`` would have at this moment, marked ``dry_run``.
    ``card_revision`` and ``owners`` are as in ``ReportEarnings``.
    """

    type: ClassVar[str] = "dk.frikort.earnings.check.v1"

    card_revision: Revision
    owners: tuple[KeyedHash, ...] = ()
    reports: tuple[CheckedReport, ...] = Field(min_length=1)
