"""The actions on extracts that the audit log records."""

from __future__ import annotations

from typing import Final

from services.gateway.audit.actions import define

DRAW_EXTRACT: Final = define(
    "draw-extract",
    "extract",
    "har trukket et udtræk, som dit frikort er med i",
    "drew an extract that your card is part of",
)
READ_EXTRACT: Final = define(
    "read-extract",
    "extract",
    "har hentet et udtræk, som dit frikort er med i",
    "downloaded an extract that your card is part of",
)
LIST_EXTRACTS: Final = define("list-extracts", "read", "har set sine udtræk", "looked at their extracts")
