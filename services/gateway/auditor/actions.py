"""The actions of auditors that the audit log records."""

from __future__ import annotations

from typing import Final

from services.gateway.audit.actions import define

SEARCH_LOG: Final = define(
    "search-log",
    "read",
    "har gennemgået, hvem der har set dine oplysninger",
    "reviewed who has looked at your data",
)
EXPORT_LOG: Final = define(
    "export-log",
    "extract",
    "har hentet en liste over, hvem der har set dine oplysninger",
    "drew a list of who has looked at your data",
)
