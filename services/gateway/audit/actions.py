"""What can be done with a person's data, in words that the person reads; and which route does which.

A route that reads a person's data must stand in ``ROUTES``: one that does not answers 500, and a test calls them all.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final, Literal, NamedTuple

from services.gateway.formats import Language

Kind = Literal["search", "read", "change", "extract"]


class Act(StrEnum):
    """What was done. The codes stay: the log keeps them for ever."""

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


class Words(NamedTuple):
    """What follows the name of who did it, as said to the citizen."""

    kind: Kind
    danish: str
    english: str

    def in_language(self, language: Language) -> str:
        return self.danish if language is Language.DANISH else self.english


WORDS: Final[dict[Act, Words]] = {
    Act.SEARCH: Words("search", "har søgt efter dig", "searched for you"),
    Act.READ_CARD: Words("read", "har set dit frikort", "looked at your card"),
    Act.READ_BALANCE: Words(
        "read",
        "har set, hvad der er indberettet og er tilbage på dit frikort",
        "looked at what is reported and left on your card",
    ),
    Act.READ_EMPLOYMENTS: Words("read", "har set dine ansættelser", "looked at your employments"),
    Act.READ_REPORTS: Words("read", "har set indberetninger af din løn", "looked at reports of your wage"),
    Act.READ_WARNINGS: Words("read", "har set dine advarsler", "looked at your warnings"),
    Act.READ_CONTROLS_DUE: Words(
        "read",
        "har set dig på listen over frikort, der skal kontrolleres",
        "saw you on the list of cards that are due for control",
    ),
    Act.READ_ACCESSES: Words(
        "read", "har set, hvem der har set dine oplysninger", "looked at who has looked at your data"
    ),
    Act.READ_OUTCOME: Words(
        "read", "har hentet svaret på noget, de selv har gjort før", "fetched the answer to what they had done before"
    ),
    Act.ISSUE_CARD: Words("change", "har udstedt et frikort til dig", "issued a card to you"),
    Act.DEACTIVATE_CARD: Words("change", "har deaktiveret dit frikort", "deactivated your card"),
    Act.REACTIVATE_CARD: Words("change", "har genaktiveret dit frikort", "reactivated your card"),
    Act.REPLACE_NUMBER: Words("change", "har givet dit frikort et nyt nummer", "gave your card a new number"),
    Act.HAND_OVER_CARD: Words(
        "change", "har overdraget dit frikort til en anden kommune", "handed your card over to another municipality"
    ),
    Act.RECORD_CONTROL: Words("change", "har registreret en kontrol af dit frikort", "recorded a control of your card"),
    Act.REGISTER_EMPLOYMENT: Words("change", "har registreret en ansættelse af dig", "registered an employment of you"),
    Act.CHANGE_EMPLOYMENT: Words("change", "har ændret din ansættelse", "changed your employment"),
    Act.REPORT_EARNINGS: Words("change", "har indberettet løn til dig", "reported wage for you"),
    Act.TRY_REPORT: Words(
        "read",
        "har spurgt, hvad der vil ske, hvis de indberetter løn til dig",
        "asked what would happen if they reported wage for you",
    ),
    Act.CORRECT_REPORT: Words("change", "har rettet en indberetning af din løn", "corrected a report of your wage"),
    Act.WITHDRAW_REPORT: Words(
        "change", "har tilbagekaldt en indberetning af din løn", "withdrew a report of your wage"
    ),
    Act.DISPUTE_REPORT: Words(
        "change",
        "har sagt, at en indberetning af din løn ikke er rigtig",
        "said that a report of your wage is not right",
    ),
    Act.WITHDRAW_DISPUTE: Words(
        "change",
        "har taget tilbage, at en indberetning af din løn ikke er rigtig",
        "took back that a report of your wage is not right",
    ),
    Act.DECLARE_NO_WORK: Words(
        "change", "har oplyst, at du ikke arbejdede i en periode", "stated that you did not work for a while"
    ),
    Act.READ_REMINDERS: Words(
        "read", "har set påmindelser om dine ansættelser", "looked at reminders about your employments"
    ),
    Act.READ_MANDATES: Words("read", "har set dine fuldmagter", "looked at your mandates"),
    Act.GRANT_MANDATE: Words("change", "har oprettet en fuldmagt for dig", "set up a mandate for you"),
    Act.WITHDRAW_MANDATE: Words("change", "har trukket en fuldmagt tilbage for dig", "withdrew a mandate for you"),
    Act.DRAW_EXTRACT: Words(
        "extract", "har trukket et udtræk, som dit frikort er med i", "drew an extract that your card is part of"
    ),
    Act.READ_EXTRACT: Words("extract", "har hentet et udtræk", "downloaded an extract"),
}

ROUTES: Final[dict[str, Act]] = {
    # the municipality
    "issue_card": Act.ISSUE_CARD,
    "search_card": Act.SEARCH,
    "get_card": Act.READ_CARD,
    "deactivate_card": Act.DEACTIVATE_CARD,
    "reactivate_card": Act.REACTIVATE_CARD,
    "replace_number": Act.REPLACE_NUMBER,
    "hand_over_card": Act.HAND_OVER_CARD,
    "record_control": Act.RECORD_CONTROL,
    "card_balances": Act.READ_BALANCE,
    "card_employments": Act.READ_EMPLOYMENTS,
    "card_reports": Act.READ_REPORTS,
    "card_accesses": Act.READ_ACCESSES,
    "dispute_report": Act.DISPUTE_REPORT,
    "withdraw_dispute": Act.WITHDRAW_DISPUTE,
    "card_mandates": Act.READ_MANDATES,
    "grant_mandate": Act.GRANT_MANDATE,
    "withdraw_mandate": Act.WITHDRAW_MANDATE,
    "controls_due": Act.READ_CONTROLS_DUE,
    # the employer
    "register_employment": Act.REGISTER_EMPLOYMENT,
    "list_employments": Act.READ_EMPLOYMENTS,
    "get_employment": Act.READ_EMPLOYMENTS,
    "change_employment": Act.CHANGE_EMPLOYMENT,
    "end_employment": Act.CHANGE_EMPLOYMENT,
    "allowance_left": Act.READ_BALANCE,
    "report_earnings": Act.REPORT_EARNINGS,
    "dry_run": Act.TRY_REPORT,
    "list_reports": Act.READ_REPORTS,
    "get_report": Act.READ_REPORTS,
    "correct_report": Act.CORRECT_REPORT,
    "withdraw_report": Act.WITHDRAW_REPORT,
    "declare_no_work": Act.DECLARE_NO_WORK,
    "list_reminders": Act.READ_REMINDERS,
    "list_lines": Act.READ_REPORTS,
    "batch_result": Act.READ_REPORTS,
    # the citizen
    "own_card": Act.READ_CARD,
    "own_balances": Act.READ_BALANCE,
    "own_employments": Act.READ_EMPLOYMENTS,
    "own_reports": Act.READ_REPORTS,
    "own_warnings": Act.READ_WARNINGS,
    "own_accesses": Act.READ_ACCESSES,
    "own_changes": Act.READ_CARD,
    "dispute_own_report": Act.DISPUTE_REPORT,
    "withdraw_own_dispute": Act.WITHDRAW_DISPUTE,
    "own_mandates": Act.READ_MANDATES,
    "grant_own_mandate": Act.GRANT_MANDATE,
    "withdraw_own_mandate": Act.WITHDRAW_MANDATE,
    # whoever has a mandate
    "list_represented": Act.READ_CARD,
    "represented_card": Act.READ_CARD,
    "represented_balances": Act.READ_BALANCE,
    "represented_employments": Act.READ_EMPLOYMENTS,
    "represented_reports": Act.READ_REPORTS,
    "represented_warnings": Act.READ_WARNINGS,
    "represented_changes": Act.READ_CARD,
    "dispute_represented_report": Act.DISPUTE_REPORT,
    "withdraw_represented_dispute": Act.WITHDRAW_DISPUTE,
    # the authority
    "request_extract": Act.DRAW_EXTRACT,
    "download_extract": Act.READ_EXTRACT,
    # everyone
    "outcome": Act.READ_OUTCOME,
}
"""The act of each route about people, by the route's name."""
