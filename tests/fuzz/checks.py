"""Checks beyond those of Schemathesis: the schemas are as strict as the rules. Loaded as its hooks module."""

from __future__ import annotations

from typing import Any, Final

import schemathesis

FORM_PROBLEMS: Final = frozenset(
    {
        "malformed-json",
        "media-type-unsupported",
        "batch-type-unsupported",
        "idempotency-key-missing",
        "idempotency-key-invalid",
        "access-reason-missing",
    }
)
"""Problems of a request's form: a request that satisfies the document must not have one."""

RULES_BEYOND_SCHEMAS: Final = {
    "contains-cpr-number": "a pattern cannot tell a CPR number from ten other digits",
    "cpr-or-number": "exactly one of two fields: generated clients do not understand oneOf in a request",
    "last-before-first": "JSON Schema does not compare fields",
    "last-month-before-first": "JSON Schema does not compare fields",
    "not-a-cpr-number": "the century depends on the seventh digit",
    "not-a-cursor": "a cursor is decoded; clients send back the one that they got",
    "not-a-cvr-number": "modulus 11",
    "not-a-municipality-code": "municipalities change: a generated client must not know their list",
    "not-a-phone-number": "the digits are counted once spaces, hyphens and parentheses are removed",
    "not-an-integer": "for JSON Schema 1.0 is an integer",
    "not-unicode": "JSON can name half of a surrogate pair",
    "too-large": "the last year of the list of controls follows the clock",
    "too-many-months": "JSON Schema does not compare fields",
    "too-short": "invisible characters are removed before a text is measured",
    "year-or-period": "exactly one of two: generated clients do not understand oneOf in a request",
}
"""Codes of wrong fields of requests that satisfy the document, and why the document does not have these rules."""


@schemathesis.hook
def before_load_schema(ctx: schemathesis.HookContext, raw_schema: dict[str, Any]) -> None:
    """Leave out that an event stream is text: Schemathesis would compare each event with it, not the stream."""
    for operations in raw_schema["paths"].values():
        for operation in operations.values():
            for response in operation["responses"].values():
                response.get("content", {}).get("text/event-stream", {}).pop("schema", None)


@schemathesis.check
def form_of_valid_requests(
    ctx: schemathesis.CheckContext, response: schemathesis.Response, case: schemathesis.Case[Any]
) -> None:
    """A request that satisfies the document is refused by a rule, never for its form."""
    if case.meta is None or not case.meta.generation.mode.is_positive:
        return
    if not response.headers.get("content-type", [""])[0].startswith("application/problem+json"):
        return
    problem: dict[str, Any] = response.json()
    code = str(problem["code"])
    if code in FORM_PROBLEMS:
        raise AssertionError(f"a valid request is refused as {code}")
    if code == "invalid-request":
        unexpected = [error for error in problem.get("errors", ()) if error["code"] not in RULES_BEYOND_SCHEMAS]
        if unexpected:
            raise AssertionError(f"a valid request has wrong fields: {unexpected}")


@schemathesis.check
def documented_problem_codes(
    ctx: schemathesis.CheckContext, response: schemathesis.Response, case: schemathesis.Case[Any]
) -> None:
    """The code of a problem is one that the operation documents."""
    if not response.headers.get("content-type", [""])[0].startswith("application/problem+json"):
        return
    code = response.json()["code"]
    documented = case.operation.definition.raw["x-problem-codes"]
    if code != "method-not-allowed" and code not in documented:
        raise AssertionError(f"the problem {code} is not documented")
