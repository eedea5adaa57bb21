"""The actions of caseworkers that the audit log records."""

from __future__ import annotations

from typing import Final

from services.gateway.audit.actions import define

SEARCH: Final = define("search", "search", "har søgt efter dig", "searched for you")
READ_CONTROLS_DUE: Final = define(
    "read-controls-due",
    "read",
    "har set dig på listen over frikort, der skal kontrolleres",
    "saw you on the list of cards that are due for control",
)
READ_DISPUTES: Final = define(
    "read-disputes",
    "read",
    "har set din indsigelse på kommunens liste",
    "saw your dispute on the municipality's list",
)
DECIDE_DISPUTE: Final = define(
    "decide-dispute",
    "change",
    "har afgjort indsigelsen mod en indberetning af din løn",
    "decided the dispute about a report of your wage",
)
ISSUE_CARD: Final = define("issue-card", "change", "har udstedt et frikort til dig", "issued a card to you")
DEACTIVATE_CARD: Final = define("deactivate-card", "change", "har deaktiveret dit frikort", "deactivated your card")
REACTIVATE_CARD: Final = define("reactivate-card", "change", "har genaktiveret dit frikort", "reactivated your card")
REPLACE_NUMBER: Final = define(
    "replace-number", "change", "har givet dit frikort et nyt nummer", "gave your card a new number"
)
HAND_OVER_CARD: Final = define(
    "hand-over-card",
    "change",
    "har overdraget dit frikort til en anden kommune",
    "handed your card over to another municipality",
)
RECORD_CONTROL: Final = define(
    "record-control", "change", "har registreret en kontrol af dit frikort", "recorded a control of your card"
)
