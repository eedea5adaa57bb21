"""Doors and paths: where someone who logs on is sent, and that it is never another site."""

from __future__ import annotations

import pytest

from services.gateway.auth import Role
from services.portals import registry
from services.portals.login.portals import PORTALS, local_path, role_of, room


@pytest.mark.parametrize(
    "path", ["/", "/borger", "/borger/indberetninger?aar=2026#top", "/kommune/søg", "/a//b", "/a:b@c"]
)
def test_a_path_of_ours_is_kept(path: str) -> None:
    assert local_path(path) == path


@pytest.mark.parametrize(
    "given",
    [
        "",
        "borger",
        "https://evil.test/",
        "//evil.test",
        "///evil.test",
        "/\\evil.test",
        "\\\\evil.test",
        "/\t/evil.test",
        "/\n/evil.test",
        " //evil.test",
        "javascript:alert(1)",
        "data:text/html,x",
        "?next=https://evil.test",
        "/borger\r\nSet-Cookie: a=b",
    ],
)
def test_whatever_could_lead_elsewhere_leads_to_the_front_page(given: str) -> None:
    assert local_path(given) == "/"


@pytest.mark.parametrize(("door", "role"), PORTALS.items())
def test_each_role_has_a_door_and_a_room(door: str, role: Role) -> None:
    assert role_of(door, "/") is role
    assert role_of("", room(role)) is role
    assert role_of("", f"{room(role)}/side?a=b") is role


def test_every_role_has_a_door_and_its_room_is_where_its_pages_are() -> None:
    assert set(PORTALS.values()) == set(Role)
    assert all(registry.PORTALS[role].home == room(role) for role in Role)


@pytest.mark.parametrize(("door", "path"), [("", "/"), ("", "/privatliv"), ("bagdør", "/borger")])
def test_elsewhere_there_is_no_door(door: str, path: str) -> None:
    assert role_of(door, path) is None
