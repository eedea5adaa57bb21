"""The doors of the portals, one for each role, and where someone who came through them may be sent on to."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

from services.gateway.auth import Role

PORTALS: Final = {
    "borger": Role.CITIZEN,
    "virksomhed": Role.EMPLOYER,
    "kommune": Role.CASEWORKER,
    "myndighed": Role.AUTHORITY,
}
_ROOMS: Final = {role: f"/{door}" for door, role in PORTALS.items()}


def role_of(name: str, path: str) -> Role | None:
    """The role of the door ``name``; where none is named, of the room that the local ``path`` lies in."""
    return PORTALS.get(name or urlsplit(path).path.split("/")[1])


def room(role: Role) -> str:
    """Where the pages of a role begin."""
    return _ROOMS[role]


def local_path(given: str) -> str:
    """``given`` if it is a path on this site, ``/`` if it could lead elsewhere.

    A browser takes ``//`` and ``/\\`` for the beginning of another site's address, and overlooks tabs and line breaks.
    """
    is_local = given.startswith("/") and not given.startswith("//") and "\\" not in given and given.isprintable()
    return given if is_local else "/"
