"""Reads the allowance table that a setting names."""

from __future__ import annotations

from pathlib import Path

from frikort_contracts.rules.allowances import AllowanceTable, parse_allowances


def load_allowances(path: Path) -> AllowanceTable:
    """The table in the file. Raises ``ValueError`` that names the file and the row if it cannot be used."""
    try:
        return parse_allowances(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ValueError(f"the allowance table {path} cannot be used: {error}") from error
