"""The portal of each role, and where a person may be sent after login."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

from frikort_contracts.http.roles import Role

PORTALS: Final = {
    "borger": Role.CITIZEN,
    "virksomhed": Role.EMPLOYER,
    "kommune": Role.CASEWORKER,
    "myndighed": Role.AUTHORITY,
    "revision": Role.AUDITOR,
}
_HOMES: Final = {role: f"/{portal}" for portal, role in PORTALS.items()}


def role_of(portal: str, path: str) -> Role | None:
    """The role of ``portal``; if none is named, of the portal that the local ``path`` belongs to."""
    return PORTALS.get(portal or urlsplit(path).path.split("/")[1])


def home(role: Role) -> str:
    """The first page of a role's portal."""
    return _HOMES[role]


def local_path(given: str) -> str:
    """``given`` if it is a path on this site, ``/`` if it could lead to another.

    A browser reads ``//`` and ``/\\`` as the start of another site's address, and ignores tabs and line breaks.
    """
    is_local = given.startswith("/") and not given.startswith("//") and "\\" not in given and given.isprintable()
    return given if is_local else "/"
