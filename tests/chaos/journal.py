"""The clients' journal of acknowledged changes, kept without asking the system."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field


@dataclass
class Card:
    """A card after its acknowledged commands."""

    id: str
    number: str
    cpr: str
    birth_date: str
    municipality: str
    round: int
    deactivated_in: int | None = None
    employments: set[str] = field(default_factory=set)


@dataclass
class Employment:
    """An acknowledged employment."""

    id: str
    card_id: str
    cvr: str


@dataclass
class Report:
    """A report after its acknowledged commands. ``total`` (øre) is 0 after a withdrawal."""

    id: str
    card_id: str
    employment_id: str
    cvr: str
    total: int
    revision: int = 1
    withdrawn: bool = False


@dataclass
class Journal:
    """Everything that was acknowledged, with counts, and unexpected answers."""

    cards: dict[str, Card] = field(default_factory=dict)
    employments: dict[str, Employment] = field(default_factory=dict)
    reports: dict[str, Report] = field(default_factory=dict)
    disputed: set[str] = field(default_factory=set)
    """Ids of the reports with an acknowledged dispute."""
    acknowledged: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    surprises: list[str] = field(default_factory=list)
    """Answers that must not occur: a refusal of a correct request, two answers under one key."""
    touched: set[str] = field(default_factory=set)
    """Cards with commands since the last reconciliation."""
    portal_rounds: int = 0
    """Rounds in which people used the portals. Their reports differ from round to round."""

    def reported(self, report: Report) -> None:
        if report.id in self.reports:
            self.surprises.append(f"two new reports were answered with the id {report.id}")
        self.reports[report.id] = report
        self.touched.add(report.card_id)
