"""The roles in which the API is called: the `role` claim of an access token."""

from __future__ import annotations

from enum import StrEnum


class Role(StrEnum):
    """The audiences of the system."""

    CASEWORKER = "caseworker"
    EMPLOYER = "employer"
    CITIZEN = "citizen"
    AUTHORITY = "authority"
    AUDITOR = "auditor"
