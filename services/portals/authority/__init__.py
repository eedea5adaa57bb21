"""The authorities' portal: extracts of the statements of a year."""

from __future__ import annotations

from services.portals.authority.extracts import router

__all__ = ["router"]
