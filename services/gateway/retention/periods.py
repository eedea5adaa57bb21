"""How long the gateway keeps what the retention job deletes. Pure.

``deploy/retention.py`` has the table of all data, with these periods and the reasons for them.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

ANSWERS: Final = timedelta(days=400)
"""The command and the answer of an Idempotency-Key. A payroll file is sent again at the latest after the year's end."""
LINES: Final = timedelta(days=400)
"""The lines and results of a payroll file, after the file is done."""
AUDIT_ENTRIES: Final = timedelta(days=5 * 365 + 2)
"""Entries of the audit log: five years, with their leap days. A check accepts no removal of a younger one."""
FILES: Final = timedelta(days=30)
"""The files of extracts. A new extract of the same year or months can be requested at any time."""
FINDINGS: Final = timedelta(days=400)
"""Findings of unusual look-ups."""
