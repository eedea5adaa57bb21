"""The problem codes that each operation of the API can answer, by operation id.

This is the only declaration of them; routes have none. ``codes_of`` adds the codes that follow from an operation's
parameters and body: for example, every command can refuse an Idempotency-Key. ``tests/integration`` fails when an
operation answers a code that is not listed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

_CARD: Final = ("card-unknown",)
_MANDATE: Final = ("mandate-unknown",)
_REPRESENTED: Final = ("mandate-unknown", "card-unknown")
_EMPLOYMENT: Final = ("employment-unknown",)
_BATCH: Final = ("batch-unknown",)
_ALLOWANCE: Final = ("year-without-allowance", "year-provisional")
_CONTENT: Final = (
    "card-not-active",
    "work-outside-employment",
    "payment-in-future",
    "payment-before-work",
    "amount-zero",
    "amount-too-large",
    *_ALLOWANCE,
)
_REPORT: Final = (*_EMPLOYMENT, *_CONTENT, "reference-reused", "possible-duplicate", "report-withdrawn")
_DISPUTE: Final = ("card-unknown", "report-unknown", "report-withdrawn", "report-already-disputed")
_DISPUTE_WITHDRAWAL: Final = ("card-unknown", "report-unknown", "report-withdrawn", "report-not-disputed")
_GRANT: Final = ("card-unknown", "mandate-to-self", "mandate-date-out-of-range", "too-many-mandates")
_MANDATE_WITHDRAWAL: Final = ("card-unknown", "mandate-unknown", "mandate-ended")

OF_OPERATION: Final[dict[str, tuple[str, ...]]] = {
    # Employers
    "report_earnings": _REPORT,
    "dry_run": _REPORT,
    "get_report": ("report-unknown",),
    "correct_report": ("report-unknown", *_EMPLOYMENT, *_CONTENT, "report-withdrawn", "payment-year-changed"),
    "withdraw_report": ("report-unknown", *_EMPLOYMENT, "report-withdrawn"),
    "register_employment": (
        "number-or-birth-date-wrong",
        "own-business",
        "employment-exists",
        "card-not-active",
        "too-many-attempts",
    ),
    "get_employment": _EMPLOYMENT,
    "change_employment": (*_EMPLOYMENT, "employment-exists", "employment-has-reports-outside", "card-not-active"),
    "end_employment": (*_EMPLOYMENT, "employment-exists", "employment-has-reports-outside", "card-not-active"),
    "declare_no_work": (*_EMPLOYMENT, "no-work-outside-employment", "no-work-in-future"),
    "allowance_left": (*_EMPLOYMENT, *_ALLOWANCE, "not-found"),
    "send_batch": (
        "batch-type-unsupported",
        "batch-not-utf8",
        "batch-columns-wrong",
        "batch-empty",
        "batch-in-progress",
        "body-too-large",
    ),
    "get_batch": _BATCH,
    "book_batch": (*_BATCH, "batch-in-progress", "batch-cancelled"),
    "cancel_batch": (*_BATCH, "batch-in-progress", "batch-booked"),
    "list_lines": _BATCH,
    "batch_result": _BATCH,
    # Caseworkers
    "issue_card": ("card-exists", "card-numbers-exhausted"),
    "search_card": _CARD,
    "get_card": _CARD,
    "deactivate_card": (*_CARD, "card-already-deactivated"),
    "reactivate_card": (*_CARD, "card-already-active"),
    "replace_number": (*_CARD, "card-numbers-exhausted"),
    "hand_over_card": (*_CARD, "same-municipality"),
    "record_control": (*_CARD, "control-not-due"),
    "card_balances": _CARD,
    "card_employments": _CARD,
    "card_reports": _CARD,
    "dispute_report": _DISPUTE,
    "withdraw_dispute": _DISPUTE_WITHDRAWAL,
    "card_mandates": _CARD,
    "grant_mandate": _GRANT,
    "withdraw_mandate": _MANDATE_WITHDRAWAL,
    "card_accesses": _CARD,
    # Citizens and those who represent them
    "own_card": _CARD,
    "own_balances": _CARD,
    "own_employments": _CARD,
    "own_reports": _CARD,
    "dispute_own_report": _DISPUTE,
    "withdraw_own_dispute": _DISPUTE_WITHDRAWAL,
    "own_warnings": _CARD,
    "own_changes": (*_CARD, "too-many-streams"),
    "own_mandates": _CARD,
    "grant_own_mandate": _GRANT,
    "withdraw_own_mandate": _MANDATE_WITHDRAWAL,
    "represented_card": _REPRESENTED,
    "represented_balances": _REPRESENTED,
    "represented_employments": _REPRESENTED,
    "represented_reports": _REPRESENTED,
    "represented_warnings": _REPRESENTED,
    "represented_changes": (*_REPRESENTED, "too-many-streams"),
    "dispute_represented_report": (*_MANDATE, "mandate-view-only", *_DISPUTE),
    "withdraw_represented_dispute": (*_MANDATE, "mandate-view-only", *_DISPUTE_WITHDRAWAL),
    # Authorities
    "request_extract": (),
    "get_extract": ("extract-unknown",),
    "download_extract": ("extract-unknown", "extract-not-ready", "not-found"),
    # Everyone
    "outcome": ("outcome-unknown",),
    "problem": ("not-found",),
}


def codes_of(operation: Mapping[str, Any]) -> list[str]:
    """The codes that ``operation`` of an OpenAPI document can answer, sorted."""
    found = {*OF_OPERATION.get(operation["operationId"], ()), "temporarily-unavailable", "too-busy", "internal-error"}
    headers = {parameter["name"] for parameter in operation.get("parameters", ()) if parameter["in"] == "header"}
    if operation.get("security"):
        found |= {"token-missing", "token-invalid", "role-not-allowed"}
    if operation["operationId"] == "allowances":  # a token is optional, and checked where there is one
        found |= {"token-missing", "token-invalid"}
    if operation.get("parameters") or "requestBody" in operation:
        found.add("invalid-request")
    if "Idempotency-Key" in headers:
        found |= {"idempotency-key-missing", "idempotency-key-invalid", "idempotency-key-reused"}
    if "Access-Reason" in headers:
        found |= {"access-reason-missing", "access-reason-invalid"}
    content = operation.get("requestBody", {}).get("content", {})
    if content:
        found.add("body-too-large")
    if "application/json" in content:
        found |= {"malformed-json", "media-type-unsupported"}
    return sorted(found)
