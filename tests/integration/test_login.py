"""Login through the real OpenID provider, portals and gateway, and how programs get tokens instead."""

from __future__ import annotations

import json
import time
from base64 import urlsafe_b64decode
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import timedelta
from urllib.parse import urlencode
from uuid import uuid4

import httpx2
import pytest
from frikort_contracts.http.roles import Role
from joserfc import jwt
from joserfc.jwk import ECKey

from deploy.local.client import Caller, assertion
from deploy.local.keys import PORTAL, signing_key
from deploy.local.provider_config import AUDIENCE, BACK_CHANNEL_LOGOUT
from services.portals.login.portals import PORTALS
from services.portals.login.session import Session
from services.portals.login.session_guard import COOKIE, FORM_TOKEN
from services.portals.login.session_store import MongoSessionStore
from services.portals.login.sessions import SessionKeys, Sessions
from services.runtime.mongo.driver import connect, durable_database
from tests.integration.browser import Browser
from tests.integration.scene import World, accepted
from tests.portals.reading import login_link

PORTAL_OF = {role: portal for portal, role in PORTALS.items()}


@pytest.fixture
def browser(world: World) -> Iterator[Browser]:
    with Browser(world.system) as browser:
        yield browser


@pytest.fixture
async def sessions(world: World) -> AsyncIterator[Sessions]:
    """The sessions as the portals see them."""
    client = connect(world.system.mongodb)
    store = MongoSessionStore(durable_database(client, "frikort_portals"), "sessions")
    keys = SessionKeys.from_setting(world.system.keys.session_keys)
    yield Sessions(store, keys, idle=timedelta(minutes=30), most=timedelta(hours=8))
    client.close()


async def session_in(browser: Browser, sessions: Sessions) -> Session:
    session = await sessions.find(str(browser.cookies[COOKIE]))
    assert session is not None
    return session


_EACH = {"iss", "iat", "exp", "jti", "scope", "auth_time"}


def claims_of(token: str) -> dict[str, object]:
    """What an access token says, without its signature, times and identifiers."""
    payload = token.split(".")[1]
    claims = json.loads(urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return {name: value for name, value in claims.items() if name not in _EACH}


@pytest.mark.parametrize(
    ("person", "role", "signatory"),
    [
        ("citizen-1", Role.CITIZEN, False),
        ("mandate-holder-1", Role.CITIZEN, False),
        ("owner-a", Role.EMPLOYER, True),
        ("owner-a", Role.CITIZEN, False),
        ("bookkeeper-a", Role.EMPLOYER, False),
        ("citizen-4", Role.EMPLOYER, True),
        ("caseworker-849", Role.CASEWORKER, False),
        ("authority-star", Role.AUTHORITY, False),
    ],
)
async def test_a_person_logs_in_at_a_portal_and_out_again(
    world: World, browser: Browser, sessions: Sessions, person: str, role: Role, signatory: bool
) -> None:
    system, known = world.system, world.system.people[person]
    room = f"/{PORTAL_OF[role]}"
    page = browser.open(f"/login?dør={PORTAL_OF[role]}")
    assert str(page.url).startswith(f"{system.provider_url}/people/")

    browser.choose_person(page, person)

    assert browser.addresses[-1] == system.portals_url + room
    session = await session_in(browser, sessions)
    organisation = {
        Role.CITIZEN: "",
        Role.EMPLOYER: known.cvr or known.signs_for,
        Role.CASEWORKER: known.municipality,
        Role.AUTHORITY: known.authority,
    }
    assert (session.role, session.organisation) == (role, organisation[role])
    assert (session.name, session.signatory) == (known.name, signatory)
    assert claims_of(session.tokens.access) == {
        "aud": AUDIENCE,
        "client_id": "frikort-portal",
        "sub": person,
        **known.claims_by_role()[role.value],
    }

    browser.submit("/logout", {FORM_TOKEN: session.form_token})

    assert browser.addresses[-2].startswith(f"{system.provider_url}/session/end?")
    assert browser.addresses[-1] == f"{system.portals_url}/"
    assert COOKIE not in browser.cookies
    assert str(browser.open(f"/login?dør={PORTAL_OF[role]}").url).startswith(f"{system.provider_url}/people/")
    assert all(not known.cpr or known.cpr not in place for place in browser.addresses)


async def test_a_person_with_two_roles_changes_between_them(world: World, browser: Browser, sessions: Sessions) -> None:
    browser.choose_person(browser.open("/login?dør=borger"), "owner-a")
    citizen = str(browser.cookies[COOKIE])

    browser.open("/login?next=/virksomhed")

    assert browser.addresses[-1] == f"{world.system.portals_url}/virksomhed"
    assert (await session_in(browser, sessions)).role is Role.EMPLOYER
    assert await sessions.find(citizen) is None


async def test_a_person_without_the_role_is_refused_and_can_log_in_as_another(
    browser: Browser, sessions: Sessions
) -> None:
    refused = browser.choose_person(browser.open("/login?dør=kommune"), "citizen-1")
    assert (refused.status_code, refused.json()["type"]) == (403, "/problems/login-role-missing")
    assert COOKIE not in browser.cookies

    browser.choose_person(browser.open("/login?dør=kommune"), "caseworker-101-a")

    assert (await session_in(browser, sessions)).organisation == "101"


def test_a_cancelled_login_shows_a_message(browser: Browser) -> None:
    cancelled = browser.choose_person(browser.open("/login?dør=borger"), "")

    assert (cancelled.status_code, cancelled.json()["type"]) == (400, "/problems/login-cancelled")


@pytest.mark.parametrize("program", ["employer-a", "payroll-a"])
def test_a_program_gets_a_token_without_a_login(world: World, program: str) -> None:
    """By its secret, and by its key."""
    caller = Caller(world.system.gateway_url, world.system.token(program))

    assert "employments" in accepted(caller.get("/v1/employments"), 200).body


async def test_an_access_token_serves_several_pages(browser: Browser, sessions: Sessions) -> None:
    browser.choose_person(browser.open("/login?dør=borger"), "citizen-1")
    token = (await session_in(browser, sessions)).tokens.access

    browser.open("/borger/hvem-har-set")
    browser.open("/borger/mine-data")

    assert (await session_in(browser, sessions)).tokens.access == token


def administer(world: World, action: str, **form: str) -> None:
    """Change what the OpenID provider knows about a person."""
    answer = httpx2.post(f"{world.system.provider_url}/admin/{action}", data=form, timeout=10)
    assert answer.status_code == 204, answer.text


def problem_of(answer: httpx2.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


async def test_a_withdrawn_role_ends_the_session_when_its_token_is_refreshed(
    world: World, browser: Browser, sessions: Sessions
) -> None:
    browser.choose_person(browser.open("/login?dør=kommune"), "caseworker-101-b")
    assert browser.open("/kommune").status_code == 200
    session = await session_in(browser, sessions)
    payload = json.loads(urlsafe_b64decode(session.tokens.access.split(".")[1] + "=="))
    assert payload["exp"] - payload["iat"] == 60
    about_to_expire = replace(session.tokens, expires_at=sessions.now())
    encrypted = sessions.encrypt_tokens(session.key, about_to_expire)
    assert await sessions.store.replace_tokens(session.key, session.encrypted_tokens, encrypted)

    administer(world, "withdraw", person="caseworker-101-b", role="caseworker")
    try:
        assert problem_of(browser.open("/kommune")) == (401, "login-required")
        assert await sessions.find(str(browser.cookies[COOKIE])) is None
        again = browser.open("/login?dør=kommune")
        assert problem_of(again) == (403, "login-role-missing")
    finally:
        administer(world, "restore", person="caseworker-101-b", role="caseworker")


async def test_the_provider_ends_the_sessions_of_a_person_at_once(
    world: World, browser: Browser, sessions: Sessions
) -> None:
    browser.choose_person(browser.open("/login?dør=borger"), "citizen-3")
    session = await session_in(browser, sessions)

    administer(world, "logout", person="citizen-3")

    assert await sessions.find(str(browser.cookies[COOKIE])) is None
    assert problem_of(browser.open("/borger/hvem-har-set")) == (401, "login-required")
    assert refresh_refused(world, session.tokens.refresh)
    assert "/people/" in str(browser.open("/login?dør=borger").url)


async def test_a_logout_token_ends_sessions_once_and_a_forged_one_none(
    world: World, browser: Browser, sessions: Sessions
) -> None:
    provider_key = signing_key(world.system.keys.provider_key)
    forger_key = ECKey.generate_key("P-256", {"kid": str(provider_key.kid)})
    now = int(time.time())
    claims = {
        "iss": world.system.provider_url,
        "aud": PORTAL,
        "iat": now,
        "exp": now + 120,
        "jti": str(uuid4()),
        "sub": "citizen-2",
        "events": {"http://schemas.openid.net/event/backchannel-logout": {}},
    }

    def send(key: ECKey) -> int:
        token = jwt.encode({"alg": "ES256", "kid": str(key.kid), "typ": "logout+jwt"}, claims, key)
        address = f"{world.system.portals_url}{BACK_CHANNEL_LOGOUT}"
        return httpx2.post(address, data={"logout_token": token}, timeout=10).status_code

    browser.choose_person(browser.open("/login?dør=borger"), "citizen-2")
    assert send(forger_key) == 400
    await session_in(browser, sessions)
    assert send(provider_key) == 200
    assert await sessions.find(str(browser.cookies[COOKIE])) is None

    browser.open("/login?dør=borger")
    assert send(provider_key) == 400
    await session_in(browser, sessions)


async def test_a_logout_revokes_the_refresh_token(world: World, browser: Browser, sessions: Sessions) -> None:
    browser.choose_person(browser.open("/login?dør=borger"), "citizen-1")
    session = await session_in(browser, sessions)

    browser.submit("/logout", {FORM_TOKEN: session.form_token})

    assert refresh_refused(world, session.tokens.refresh)


async def test_a_form_sent_after_the_end_of_the_session_is_shown_again_to_its_person_only(
    world: World, browser: Browser, sessions: Sessions
) -> None:
    browser.choose_person(browser.open("/login?dør=virksomhed"), "owner-a")
    session = await session_in(browser, sessions)
    await sessions.store.take(session.key)
    browser.headers["Accept"] = "text/html"

    address = f"{world.system.portals_url}/virksomhed/ansaettelser/ny"
    late = browser.post(address, data={FORM_TOKEN: session.form_token, "card_number": "54321"})

    assert late.status_code == 401
    assert "54321" not in late.text
    [following] = login_link(late)["next"]
    again = browser.open(f"/login?{urlencode({'next': following})}")
    assert 'value="54321"' in again.text
    browser.choose_person(browser.open(f"/login?{urlencode({'next': following, 'skift': 'ja'})}"), "bookkeeper-a")
    other = browser.open(following)
    assert (other.status_code, "54321" in other.text) == (200, False)


def refresh_refused(world: World, refresh_token: str) -> bool:
    """Whether the provider refuses the portals' refresh token."""
    issuer, key = world.system.provider_url, signing_key(world.system.keys.portal_key)
    form = {
        "grant_type": "refresh_token",
        "refresh_token": refresh_token,
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_assertion": assertion(issuer, PORTAL, key),
    }
    answer = httpx2.post(f"{issuer}/token", data=form, timeout=10)
    return (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")


async def test_sessions_continue_while_the_provider_is_unreachable(
    world: World, browser: Browser, sessions: Sessions
) -> None:
    browser.choose_person(browser.open("/login?dør=borger"), "citizen-1")
    session = await session_in(browser, sessions)
    provider = world.system.processes["provider"]
    provider.terminate()
    try:
        extended = browser.submit("/login/forlaeng", {FORM_TOKEN: session.form_token, "next": "/login?dør=borger"})
        assert str(extended.url) == f"{world.system.portals_url}/borger"
        with Browser(world.system) as other:
            # It is known where the provider is; that it does not answer, the browser sees by itself.
            redirect = other.get(f"{world.system.portals_url}/login?dør=borger")
            assert redirect.headers["location"].startswith(f"{world.system.provider_url}/auth?")
    finally:
        provider.restart()
