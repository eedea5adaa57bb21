"""The portal of each role, and that a login never leads to another site."""

from __future__ import annotations

import pytest
from frikort_contracts.http.roles import Role

from services.portals import registry
from services.portals.login.portals import PORTALS, home, local_path, role_of


@pytest.mark.parametrize(
    "path", ["/", "/borger", "/borger/indberetninger?aar=2026#top", "/kommune/søg", "/a//b", "/a:b@c"]
)
def test_a_path_of_this_site_is_kept(path: str) -> None:
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
def test_an_address_that_could_lead_to_another_site_becomes_the_front_page(given: str) -> None:
    assert local_path(given) == "/"


@pytest.mark.parametrize(("portal", "role"), PORTALS.items())
def test_the_role_follows_from_the_portal_or_from_the_path(portal: str, role: Role) -> None:
    assert role_of(portal, "/") is role
    assert role_of("", home(role)) is role
    assert role_of("", f"{home(role)}/side?a=b") is role


def test_every_role_has_a_portal_with_its_own_first_page() -> None:
    assert set(PORTALS.values()) == set(Role)
    assert all(registry.PORTALS[role].home == home(role) for role in Role)


@pytest.mark.parametrize(("portal", "path"), [("", "/"), ("", "/privatliv"), ("bagdør", "/borger")])
def test_other_paths_and_names_belong_to_no_portal(portal: str, path: str) -> None:
    assert role_of(portal, path) is None
