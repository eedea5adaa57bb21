"""The actions that the audit log records, with the texts that the citizen reads.

Here are the actions of several slices; a slice defines its own in ``<slice>/actions.py``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal

from services.gateway.formats import Language

Kind = Literal["search", "read", "change", "extract"]


@dataclass(frozen=True, slots=True)
class Action:
    """What was done. The log stores the code, so codes never change.

    The texts are the predicate of a sentence whose subject is the person or organisation that acted.
    """

    code: str
    kind: Kind
    danish: str
    english: str

    def in_language(self, language: Language) -> str:
        return self.danish if language is Language.DANISH else self.english


_defined: Final[dict[str, Action]] = {}
ACTIONS: Final[Mapping[str, Action]] = MappingProxyType(_defined)
"""Every action by its code."""


def define(code: str, kind: Kind, danish: str, english: str) -> Action:
    """Define an action. Raises ``ValueError`` if the code is taken."""
    if code in _defined:
        raise ValueError(f"the action {code!r} is defined twice")
    action = _defined[code] = Action(code, kind, danish, english)
    return action


READ_CARD: Final = define("read-card", "read", "har set dit frikort", "looked at your card")
READ_BALANCE: Final = define(
    "read-balance",
    "read",
    "har set, hvad der er indberettet og er tilbage på dit frikort",
    "looked at what is reported and left on your card",
)
READ_EMPLOYMENTS: Final = define("read-employments", "read", "har set dine ansættelser", "looked at your employments")
TRY_NUMBER: Final = define(
    "try-number",
    "search",
    "har prøvet dit frikortnummer i en lønfil",
    "tried your card number in a payroll file",
)
READ_REPORTS: Final = define(
    "read-reports", "read", "har set indberetninger af din løn", "looked at reports of your wage"
)
READ_WARNINGS: Final = define("read-warnings", "read", "har set dine advarsler", "looked at your warnings")
READ_ACCESSES: Final = define(
    "read-accesses", "read", "har set, hvem der har set dine oplysninger", "looked at who has looked at your data"
)
READ_OUTCOME: Final = define(
    "read-outcome",
    "read",
    "har hentet svaret på noget, de selv har gjort før",
    "fetched the answer to what they had done before",
)
TRY_REPORT: Final = define(
    "try-report",
    "read",
    "har spurgt, hvad der vil ske, hvis de indberetter løn til dig",
    "asked what would happen if they reported wage for you",
)
REPORT_EARNINGS: Final = define("report-earnings", "change", "har indberettet løn til dig", "reported wage for you")
DISPUTE_REPORT: Final = define(
    "dispute-report",
    "change",
    "har sagt, at en indberetning af din løn ikke er rigtig",
    "said that a report of your wage is not right",
)
WITHDRAW_DISPUTE: Final = define(
    "withdraw-dispute",
    "change",
    "har taget tilbage, at en indberetning af din løn ikke er rigtig",
    "took back that a report of your wage is not right",
)
READ_MANDATES: Final = define("read-mandates", "read", "har set dine fuldmagter", "looked at your mandates")
GRANT_MANDATE: Final = define("grant-mandate", "change", "har oprettet en fuldmagt for dig", "set up a mandate for you")
WITHDRAW_MANDATE: Final = define(
    "withdraw-mandate", "change", "har trukket en fuldmagt tilbage for dig", "withdrew a mandate for you"
)
