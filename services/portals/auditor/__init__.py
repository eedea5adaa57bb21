"""The auditors' portal: search and export the log of who read or changed whose data."""

from services.portals.auditor.search import router

__all__ = ["router"]
