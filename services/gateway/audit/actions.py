"""The actions that the access log records, with the texts that the citizen reads."""

from __future__ import annotations

from enum import StrEnum
from typing import Final, Literal, NamedTuple

from services.gateway.formats import Language

Kind = Literal["search", "read", "change", "extract"]


class Action(StrEnum):
    """What was done. Codes never change: the log keeps them."""

    SEARCH = "search"
    READ_CARD = "read-card"
    READ_BALANCE = "read-balance"
    READ_EMPLOYMENTS = "read-employments"
    READ_REPORTS = "read-reports"
    READ_WARNINGS = "read-warnings"
    READ_CONTROLS_DUE = "read-controls-due"
    READ_ACCESSES = "read-accesses"
    READ_OUTCOME = "read-outcome"
    ISSUE_CARD = "issue-card"
    DEACTIVATE_CARD = "deactivate-card"
    REACTIVATE_CARD = "reactivate-card"
    REPLACE_NUMBER = "replace-number"
    HAND_OVER_CARD = "hand-over-card"
    RECORD_CONTROL = "record-control"
    REGISTER_EMPLOYMENT = "register-employment"
    CHANGE_EMPLOYMENT = "change-employment"
    REPORT_EARNINGS = "report-earnings"
    TRY_REPORT = "try-report"
    CORRECT_REPORT = "correct-report"
    WITHDRAW_REPORT = "withdraw-report"
    DISPUTE_REPORT = "dispute-report"
    WITHDRAW_DISPUTE = "withdraw-dispute"
    DECLARE_NO_WORK = "declare-no-work"
    READ_REMINDERS = "read-reminders"
    READ_MANDATES = "read-mandates"
    GRANT_MANDATE = "grant-mandate"
    WITHDRAW_MANDATE = "withdraw-mandate"
    DRAW_EXTRACT = "draw-extract"
    READ_EXTRACT = "read-extract"


class ActionText(NamedTuple):
    """The predicate of a sentence whose subject is the person or organisation that acted."""

    kind: Kind
    danish: str
    english: str

    def in_language(self, language: Language) -> str:
        return self.danish if language is Language.DANISH else self.english


TEXTS: Final[dict[Action, ActionText]] = {
    Action.SEARCH: ActionText("search", "har søgt efter dig", "searched for you"),
    Action.READ_CARD: ActionText("read", "har set dit frikort", "looked at your card"),
    Action.READ_BALANCE: ActionText(
        "read",
        "har set, hvad der er indberettet og er tilbage på dit frikort",
        "looked at what is reported and left on your card",
    ),
    Action.READ_EMPLOYMENTS: ActionText("read", "har set dine ansættelser", "looked at your employments"),
    Action.READ_REPORTS: ActionText("read", "har set indberetninger af din løn", "looked at reports of your wage"),
    Action.READ_WARNINGS: ActionText("read", "har set dine advarsler", "looked at your warnings"),
    Action.READ_CONTROLS_DUE: ActionText(
        "read",
        "har set dig på listen over frikort, der skal kontrolleres",
        "saw you on the list of cards that are due for control",
    ),
    Action.READ_ACCESSES: ActionText(
        "read", "har set, hvem der har set dine oplysninger", "looked at who has looked at your data"
    ),
    Action.READ_OUTCOME: ActionText(
        "read", "har hentet svaret på noget, de selv har gjort før", "fetched the answer to what they had done before"
    ),
    Action.ISSUE_CARD: ActionText("change", "har udstedt et frikort til dig", "issued a card to you"),
    Action.DEACTIVATE_CARD: ActionText("change", "har deaktiveret dit frikort", "deactivated your card"),
    Action.REACTIVATE_CARD: ActionText("change", "har genaktiveret dit frikort", "reactivated your card"),
    Action.REPLACE_NUMBER: ActionText("change", "har givet dit frikort et nyt nummer", "gave your card a new number"),
    Action.HAND_OVER_CARD: ActionText(
        "change", "har overdraget dit frikort til en anden kommune", "handed your card over to another municipality"
    ),
    Action.RECORD_CONTROL: ActionText(
        "change", "har registreret en kontrol af dit frikort", "recorded a control of your card"
    ),
    Action.REGISTER_EMPLOYMENT: ActionText(
        "change", "har registreret en ansættelse af dig", "registered an employment of you"
    ),
    Action.CHANGE_EMPLOYMENT: ActionText("change", "har ændret din ansættelse", "changed your employment"),
    Action.REPORT_EARNINGS: ActionText("change", "har indberettet løn til dig", "reported wage for you"),
    Action.TRY_REPORT: ActionText(
        "read",
        "har spurgt, hvad der vil ske, hvis de indberetter løn til dig",
        "asked what would happen if they reported wage for you",
    ),
    Action.CORRECT_REPORT: ActionText(
        "change", "har rettet en indberetning af din løn", "corrected a report of your wage"
    ),
    Action.WITHDRAW_REPORT: ActionText(
        "change", "har tilbagekaldt en indberetning af din løn", "withdrew a report of your wage"
    ),
    Action.DISPUTE_REPORT: ActionText(
        "change",
        "har sagt, at en indberetning af din løn ikke er rigtig",
        "said that a report of your wage is not right",
    ),
    Action.WITHDRAW_DISPUTE: ActionText(
        "change",
        "har taget tilbage, at en indberetning af din løn ikke er rigtig",
        "took back that a report of your wage is not right",
    ),
    Action.DECLARE_NO_WORK: ActionText(
        "change", "har oplyst, at du ikke arbejdede i en periode", "stated that you did not work for a while"
    ),
    Action.READ_REMINDERS: ActionText(
        "read", "har set påmindelser om dine ansættelser", "looked at reminders about your employments"
    ),
    Action.READ_MANDATES: ActionText("read", "har set dine fuldmagter", "looked at your mandates"),
    Action.GRANT_MANDATE: ActionText("change", "har oprettet en fuldmagt for dig", "set up a mandate for you"),
    Action.WITHDRAW_MANDATE: ActionText(
        "change", "har trukket en fuldmagt tilbage for dig", "withdrew a mandate for you"
    ),
    Action.DRAW_EXTRACT: ActionText(
        "extract", "har trukket et udtræk, som dit frikort er med i", "drew an extract that your card is part of"
    ),
    Action.READ_EXTRACT: ActionText("extract", "har hentet et udtræk", "downloaded an extract"),
}
