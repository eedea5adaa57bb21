"""Problem documents (RFC 9457), in the language of the caller."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Final

from frikort_contracts.municipalities import MUNICIPALITIES
from frikort_contracts.values import redact_cpr

from services.gateway.field_texts import field_code, field_text
from services.gateway.formats import Language, day, kroner
from services.gateway.problem_texts import CATALOGUE, Text

MEDIA_TYPE: Final = "application/problem+json"

_DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}")
_PLAIN_NUMBERS: Final = frozenset({"year", "due", "days", "revision", "line", "most"})

Facts = Mapping[str, str | int]


class ProblemError(Exception):
    """The request is answered with the problem ``code``.

    ``facts`` are details by name; ``errors`` are (pointer, pydantic type, message) for each wrong field. ``log_reason``
    is for the log line of the request alone, and has no word of the client's.
    """

    def __init__(
        self,
        code: str,
        *,
        facts: Facts | None = None,
        errors: Sequence[tuple[str, str, str]] = (),
        headers: Mapping[str, str] | None = None,
        log_reason: str | None = None,
    ) -> None:
        super().__init__(code)
        self.code = code
        self.facts: Facts = facts or {}
        self.errors = tuple(errors)
        self.headers = dict(headers or {})
        self.log_reason = log_reason


def is_problem(status: int) -> bool:
    """Whether a response with this HTTP status has a problem document as its body."""
    return status >= 400


def text_of(code: str, language: Language) -> Text:
    """The problem's texts in one language."""
    entry = CATALOGUE[code]
    return entry.da if language is Language.DANISH else entry.en


def document(
    code: str,
    language: Language,
    *,
    instance: str,
    facts: Facts | None = None,
    errors: Sequence[tuple[str, str, str]] = (),
) -> dict[str, Any]:
    """The problem document."""
    text = text_of(code, language)
    body: dict[str, Any] = {
        "code": code,
        "type": f"/problems/{code}",
        "title": text.title,
        "status": CATALOGUE[code].status,
        "detail": _detail(text, facts or {}, language),
        "instance": f"urn:uuid:{instance}",
    }
    if facts:
        body["facts"] = dict(facts)
    if errors:
        body["errors"] = [
            {
                "code": field_code(kind, message),
                "pointer": pointer,
                "detail": field_text(kind, message, language),
            }
            for pointer, kind, message in errors
        ]
    return body


def _detail(text: Text, facts: Facts, language: Language) -> str:
    try:
        explanation = text.explain.format_map({name: _formatted(name, facts[name], language) for name in facts})
    except KeyError:
        explanation = ""
    return f"{explanation} {text.remedy}".strip()


def _formatted(name: str, value: str | int, language: Language) -> str:
    if isinstance(value, int):
        return str(value) if name in _PLAIN_NUMBERS else kroner(value, language)
    if _DAY.fullmatch(value):
        return day(date.fromisoformat(value), language)
    return MUNICIPALITIES.get(value, value) if name == "municipality" else value


def pointer_of(location: Sequence[str | int]) -> str:
    """JSON pointer (RFC 6901) into the body; a parameter is named after its place. Never with a CPR number in it."""
    place, *path = [str(part) for part in location] or ["body"]
    steps = [redact_cpr(step.replace("~", "~0").replace("/", "~1")) for step in path]
    prefix = "" if place == "body" else f"{place}:"
    return prefix + "".join(f"/{step}" for step in steps)
