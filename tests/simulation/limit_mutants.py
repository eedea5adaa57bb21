"""Mutants of the limits of a document."""

from __future__ import annotations

from typing import Final

from services.reporting.card_state import CardState, Report
from services.reporting.rules import Rules
from tests.simulation.mutant import Mutant, replaced

_with_accepted = CardState.with_accepted


def _new_reports_counted(self: CardState, report_id: str, report: Report) -> CardState:
    if report.revision == 1:
        return _with_accepted(self, report_id, report)
    return self.with_report(report_id, report)


MUTANTS: Final = (
    Mutant(
        "reports without a limit",
        "a card gets more reports in a year than it may have",
        replaced(Rules, "check_room", lambda *_: None),
        first=3,
    ),
    Mutant(
        "corrections without a limit",
        "only new reports count towards the limit of a year",
        replaced(CardState, "with_accepted", _new_reports_counted),
        within=120,
        first=4,
    ),
)
