"""The actions of employers that the audit log records."""

from __future__ import annotations

from typing import Final

from services.gateway.audit.actions import define

REGISTER_EMPLOYMENT: Final = define(
    "register-employment", "change", "har registreret en ansættelse af dig", "registered an employment of you"
)
CHANGE_EMPLOYMENT: Final = define("change-employment", "change", "har ændret din ansættelse", "changed your employment")
CORRECT_REPORT: Final = define(
    "correct-report", "change", "har rettet en indberetning af din løn", "corrected a report of your wage"
)
WITHDRAW_REPORT: Final = define(
    "withdraw-report", "change", "har trukket en indberetning af din løn tilbage", "withdrew a report of your wage"
)
ANSWER_DISPUTE: Final = define(
    "answer-dispute",
    "change",
    "har svaret, at en indberetning af din løn er rigtig",
    "answered that a report of your wage is right",
)
DECLARE_NO_WORK: Final = define(
    "declare-no-work",
    "change",
    "har oplyst, at du ikke arbejdede i en periode",
    "stated that you did not work for a while",
)
READ_REMINDERS: Final = define(
    "read-reminders", "read", "har set påmindelser om dine ansættelser", "looked at reminders about your employments"
)
