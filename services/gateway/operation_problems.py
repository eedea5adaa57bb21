"""The problem codes that an operation of the API can answer.

A route declares its own with ``openapi_extra=problems(...)``, and nowhere else. ``codes_of`` adds the codes that follow
from an operation's parameters and body: for example, every command can refuse an Idempotency-Key.
``tests/integration`` fails when an operation answers a code that is not declared.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

_DECLARED: Final = "x-problem-codes"
_OF_EVERY_OPERATION: Final = (
    "invalid-request",  # an unknown or repeated query parameter
    "temporarily-unavailable",
    "too-busy",
    "too-many-requests",
    "internal-error",
)

FRESH_LOGIN_OPERATIONS: Final = frozenset({"hand_over_card", "grant_mandate", "grant_own_mandate"})
"""The sensitive operations: each needs a login of a person at most ``FRIKORT_FRESH_LOGIN`` seconds ago.

An operation in this list is checked by ``command_in`` and documented with the problem; its router adds nothing.
"""


def problems(*codes: str) -> dict[str, Any]:
    """The ``openapi_extra`` of a route that can answer with ``codes``."""
    return {_DECLARED: codes}


def codes_of(operation: Mapping[str, Any]) -> list[str]:
    """The codes that ``operation`` of an OpenAPI document can answer, sorted."""
    found = {*operation.get(_DECLARED, ()), *_OF_EVERY_OPERATION}
    headers = {parameter["name"] for parameter in operation.get("parameters", ()) if parameter["in"] == "header"}
    if operation.get("security"):
        found |= {"token-missing", "token-invalid", "role-not-allowed"}
    if operation["operationId"] == "allowances":  # a token is optional, and checked where there is one
        found |= {"token-missing", "token-invalid"}
    if operation.get("security") and operation["operationId"] in FRESH_LOGIN_OPERATIONS:
        found.add("fresh-login-required")
    if "Idempotency-Key" in headers:
        found |= {"idempotency-key-missing", "idempotency-key-invalid", "idempotency-key-reused"}
        found.add("answer-expired")
    if "Access-Reason" in headers:
        found |= {"access-reason-missing", "access-reason-invalid"}
    if operation.get("tags") == ["caseworker"]:
        found.add("case-number-required")
    content = operation.get("requestBody", {}).get("content", {})
    if content:
        found |= {"body-too-large", "request-timeout"}
    if "application/json" in content:
        found |= {"malformed-json", "media-type-unsupported"}
    return sorted(found)
