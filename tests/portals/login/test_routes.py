"""Login, session and logout as a browser sees them, and forms of other sites and sessions."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
from fastapi import FastAPI
from frikort_contracts.http.roles import Role

from services.portals.container import Container
from services.portals.login.routes import SIGNED_OUT
from services.portals.login.session import Session
from services.portals.login.session_guard import COOKIE, FORM_TOKEN
from services.portals.login.sessions import Sessions
from tests.portals.build import ISSUER, PUBLIC_URL
from tests.portals.login.fakes import CITIZEN, CODE, FakeProvider, ManualClock

LOGIN_COOKIE = "__Host-frikort-login"


async def callback_of(browser: httpx2.AsyncClient, provider: FakeProvider, **query: str) -> str:
    """The address to which the provider redirects after a login that begins now."""
    sent = await browser.get("/login", params={"dør": "borger", **query})
    question = parse_qs(urlsplit(sent.headers["location"]).query)
    provider.nonce = question["nonce"][0]
    return f"/login/callback?code={CODE}&state={question['state'][0]}&iss={ISSUER}"


async def log_in(browser: httpx2.AsyncClient, provider: FakeProvider, **query: str) -> httpx2.Response:
    return await browser.get(await callback_of(browser, provider, **query))


def sessions_of(app: FastAPI) -> Sessions:
    portals: Container = app.state.portals
    return portals.login.sessions


async def signed_in(app: FastAPI, browser: httpx2.AsyncClient) -> Session | None:
    return await sessions_of(app).find(str(browser.cookies.get(COOKIE)))


def cookies(response: httpx2.Response) -> dict[str, str]:
    """The cookies that a response sets: by name their value and attributes."""
    set_cookies = response.headers.get_list("set-cookie")
    return {name: rest for name, _, rest in (cookie.partition("=") for cookie in set_cookies)}


def problem_of(response: httpx2.Response) -> tuple[int, str]:
    assert response.headers["content-type"] == "application/problem+json"
    return response.status_code, str(response.json()["type"]).removeprefix("/problems/")


async def test_a_login_at_another_host_name_is_redirected_to_the_public_one(
    browser: httpx2.AsyncClient,
) -> None:
    query = {"dør": "borger", "next": "/borger/loen"}
    answer = await browser.get("/login", params=query, headers={"host": "localhost:8080"})

    address = urlsplit(answer.headers["location"])
    assert f"{address.scheme}://{address.netloc}{address.path}" == f"{PUBLIC_URL}/login"
    assert not cookies(answer)
    redirect = await browser.get(f"/login?{address.query}", headers={"host": "localhost:8080"})
    assert redirect.headers["location"].startswith(ISSUER)
    assert LOGIN_COOKIE in cookies(redirect)


async def test_the_session_cookie_is_secure_and_not_readable_by_scripts(
    app: FastAPI, browser: httpx2.AsyncClient, provider: FakeProvider
) -> None:
    answer = await log_in(browser, provider, next="/borger/fuldmagter")

    assert (answer.status_code, answer.headers["location"]) == (303, "/borger/fuldmagter")
    [secret, *attributes] = cookies(answer)[COOKIE].split("; ")
    assert len(secret) == 43
    assert {attribute.lower() for attribute in attributes} == {"httponly", "path=/", "samesite=lax", "secure"}
    session = await signed_in(app, browser)
    assert session is not None
    assert session.name == CITIZEN["name"]
    assert LOGIN_COOKIE not in browser.cookies


async def test_the_login_cookie_is_secure_and_expires_after_ten_minutes(browser: httpx2.AsyncClient) -> None:
    sent = await browser.get("/login?dør=borger")

    attributes = cookies(sent)[LOGIN_COOKIE].lower().split("; ")[1:]
    assert set(attributes) == {"httponly", "max-age=600", "path=/", "samesite=lax", "secure"}


@pytest.mark.parametrize(
    ("query", "role"),
    [({"dør": "kommune"}, Role.CASEWORKER), ({"next": "/virksomhed/indberet"}, Role.EMPLOYER)],
)
async def test_the_role_follows_from_the_portal_or_the_requested_page(
    app: FastAPI, browser: httpx2.AsyncClient, provider: FakeProvider, query: dict[str, str], role: Role
) -> None:
    provider.userinfo |= {"municipality": "101", "cvr": "99000007"}
    sent = await browser.get("/login", params=query)
    question = parse_qs(urlsplit(sent.headers["location"]).query)
    provider.nonce = question["nonce"][0]
    await browser.get("/login/callback", params={"code": CODE, "state": question["state"][0]})

    session = await signed_in(app, browser)
    assert session is not None
    assert session.role is role


@pytest.mark.parametrize("address", ["/login", "/login?dør=bagdør", "/login?next=https://evil.test/borger"])
async def test_a_login_without_a_known_portal_redirects_to_the_front_page(
    browser: httpx2.AsyncClient, address: str
) -> None:
    answer = await browser.get(address)

    assert (answer.status_code, answer.headers["location"]) == (303, "/")


@pytest.mark.parametrize("path", ["https://evil.test/", "//evil.test", "/\\evil.test"])
async def test_a_login_never_redirects_to_another_site(
    browser: httpx2.AsyncClient, provider: FakeProvider, path: str
) -> None:
    assert (await log_in(browser, provider, next=path)).headers["location"] == "/borger"


async def test_a_login_ends_the_session_of_an_earlier_cookie(
    app: FastAPI, browser: httpx2.AsyncClient, provider: FakeProvider
) -> None:
    await log_in(browser, provider)
    earlier_cookie = str(browser.cookies[COOKIE])

    provider.refreshed.clear()
    await log_in(browser, provider, skift="ja")

    assert browser.cookies[COOKIE] != earlier_cookie
    assert await sessions_of(app).find(earlier_cookie) is None
    assert await signed_in(app, browser) is not None


async def test_an_invented_cookie_is_replaced_at_login(
    app: FastAPI, browser: httpx2.AsyncClient, provider: FakeProvider
) -> None:
    browser.cookies.set(COOKIE, "earlier_cookie", domain="frikort.test")
    await log_in(browser, provider)

    assert browser.cookies[COOKIE] != "earlier_cookie"
    assert await signed_in(app, browser) is not None


async def test_a_replayed_callback_creates_no_session(
    app: FastAPI, browser: httpx2.AsyncClient, provider: FakeProvider
) -> None:
    address = await callback_of(browser, provider)
    login_cookie = browser.cookies[LOGIN_COOKIE]
    await browser.get(address)
    browser.cookies.clear()
    browser.cookies.set(LOGIN_COOKIE, str(login_cookie), domain="frikort.test")

    answer = await browser.get(address)

    assert problem_of(answer) == (400, "login-failed")
    assert COOKIE not in cookies(answer)


async def test_a_callback_in_another_browser_creates_no_session(
    app: FastAPI, browser: httpx2.AsyncClient, provider: FakeProvider
) -> None:
    address = await callback_of(browser, provider)
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url=PUBLIC_URL) as other:
        answer = await other.get(address)

    assert problem_of(answer) == (400, "login-failed")


async def test_a_signed_in_person_is_redirected_without_a_new_login(
    browser: httpx2.AsyncClient, provider: FakeProvider
) -> None:
    await log_in(browser, provider)

    for next_path, target in (("/borger/fuldmagter", "/borger/fuldmagter"), ("/", "/borger")):
        answer = await browser.get("/login", params={"dør": "borger", "next": next_path})
        assert answer.headers["location"] == target
    assert (await browser.get("/login?dør=kommune")).headers["location"].startswith(f"{ISSUER}/auth?")
    assert (await browser.get("/login?dør=borger&skift=ja")).headers["location"].startswith(f"{ISSUER}/auth?")


async def test_after_a_failed_login_the_provider_authenticates_again(
    browser: httpx2.AsyncClient, provider: FakeProvider
) -> None:
    async def authenticates_again() -> bool:
        address = (await browser.get("/login?dør=borger&skift=nej")).headers["location"]
        return "prompt" in parse_qs(urlsplit(address).query)

    assert not await authenticates_again()
    assert await authenticates_again()
    await log_in(browser, provider)
    browser.cookies.delete(COOKIE)
    assert not await authenticates_again()


async def test_while_the_provider_is_down_a_login_gets_an_explanation(
    browser: httpx2.AsyncClient, provider: FakeProvider
) -> None:
    provider.down = True

    answer = await browser.get("/login?dør=borger")

    assert problem_of(answer) == (503, "login-unavailable")
    assert answer.headers["retry-after"]
    assert answer.json()["title"] == "Man kan ikke logge på lige nu"


async def form_of(app: FastAPI, browser: httpx2.AsyncClient, provider: FakeProvider) -> dict[str, str]:
    """Log in; the hidden token that forms of this session contain."""
    await log_in(browser, provider)
    session = await signed_in(app, browser)
    assert session is not None
    return {FORM_TOKEN: session.form_token}


async def test_logout_ends_the_session_and_continues_at_the_provider(
    app: FastAPI, browser: httpx2.AsyncClient, provider: FakeProvider
) -> None:
    form = await form_of(app, browser, provider)
    stolen = str(browser.cookies[COOKIE])

    answer = await browser.post("/logout", data=form)

    assert answer.status_code == 303
    address = urlsplit(answer.headers["location"])
    assert f"{address.scheme}://{address.netloc}{address.path}" == f"{ISSUER}/end"
    assert parse_qs(address.query)["post_logout_redirect_uri"] == [f"{PUBLIC_URL}/"]
    assert COOKIE not in browser.cookies
    assert SIGNED_OUT in browser.cookies
    assert answer.headers["clear-site-data"] == '"storage"'
    assert await sessions_of(app).find(stolen) is None
    assert provider.revoked == ["refresh-1"]


async def test_logout_without_a_session_redirects_to_the_front_page(browser: httpx2.AsyncClient) -> None:
    answer = await browser.post("/logout")

    assert (answer.status_code, answer.headers["location"]) == (303, "/")


async def test_a_link_cannot_log_out(app: FastAPI, browser: httpx2.AsyncClient, provider: FakeProvider) -> None:
    await log_in(browser, provider)

    assert (await browser.get("/logout")).status_code == 405
    assert await signed_in(app, browser) is not None


async def test_a_session_is_extended_by_a_form_and_by_a_script(
    app: FastAPI, browser: httpx2.AsyncClient, provider: FakeProvider, clock: ManualClock
) -> None:
    form = await form_of(app, browser, provider)
    for _ in range(2):
        clock.advance(minutes=29)
        back = await browser.post("/login/forlaeng", data=form | {"next": "/borger/fuldmagter"})
        assert (back.status_code, back.headers["location"]) == (303, "/borger/fuldmagter")
    clock.advance(minutes=29)

    response = await browser.post("/login/forlaeng", data=form, headers={"Accept": "application/json"})

    session = await signed_in(app, browser)
    assert session is not None
    assert response.json() == {"ends_at": session.ends_at.isoformat()}
    assert (session.ends_at - clock.time).total_seconds() == 30 * 60


async def test_an_expired_session_cannot_be_extended(
    app: FastAPI, browser: httpx2.AsyncClient, provider: FakeProvider, clock: ManualClock
) -> None:
    form = await form_of(app, browser, provider)
    clock.advance(minutes=30)

    assert problem_of(await browser.post("/login/forlaeng", data=form)) == (401, "login-required")


async def test_extending_a_session_never_redirects_to_another_site(
    app: FastAPI, browser: httpx2.AsyncClient, provider: FakeProvider
) -> None:
    form = await form_of(app, browser, provider)

    answer = await browser.post("/login/forlaeng", data=form | {"next": "//evil.test"})

    assert answer.headers["location"] == "/"


async def test_a_page_knows_who_is_signed_in(
    app: FastAPI, browser: httpx2.AsyncClient, provider: FakeProvider, clock: ManualClock
) -> None:
    assert (await browser.get("/page")).text == "<p>none"
    await log_in(browser, provider)
    assert (await browser.get("/page")).text == "<p>citizen Karla Hemmelig"
    clock.advance(minutes=31)
    assert (await browser.get("/page")).text == "<p>none"


async def test_a_form_of_the_session_is_accepted(
    app: FastAPI, browser: httpx2.AsyncClient, provider: FakeProvider
) -> None:
    form = await form_of(app, browser, provider)

    assert (await browser.post("/page", data=form)).json() == "done"
    assert (await browser.post("/page", data=form, files={"file": b"lines"})).json() == "done"


@pytest.mark.parametrize(
    ("headers", "accepted"),
    [
        ({"Sec-Fetch-Site": "same-origin"}, True),
        ({"Sec-Fetch-Site": "same-origin", "Origin": PUBLIC_URL}, True),
        ({"Origin": PUBLIC_URL}, True),
        ({"Sec-Fetch-Site": "cross-site"}, False),
        ({"Sec-Fetch-Site": "same-site"}, False),
        ({"Sec-Fetch-Site": "none"}, False),
        ({"Sec-Fetch-Site": "cross-site", "Origin": PUBLIC_URL}, False),
        ({"Origin": "https://evil.test"}, False),
        ({"Origin": f"{PUBLIC_URL}.evil.test"}, False),
        ({"Origin": "null"}, False),
        ({}, False),
    ],
)
async def test_a_form_is_accepted_only_from_this_site(
    app: FastAPI, browser: httpx2.AsyncClient, provider: FakeProvider, headers: dict[str, str], accepted: bool
) -> None:
    form = await form_of(app, browser, provider)
    del browser.headers["Sec-Fetch-Site"]

    answer = await browser.post("/page", data=form, headers=headers)

    assert answer.status_code == 200 if accepted else problem_of(answer) == (403, "form-refused")


async def test_no_token_reaches_the_browser(app: FastAPI, browser: httpx2.AsyncClient, provider: FakeProvider) -> None:
    answers = [await browser.get("/login?dør=borger"), await log_in(browser, provider), await browser.get("/page")]

    session = await signed_in(app, browser)
    assert session is not None
    seen = "".join(f"{answer.headers}{answer.text}" for answer in answers)
    assert session.tokens.access not in seen
    assert session.tokens.refresh not in seen


async def test_logout_works_while_the_provider_is_down(
    app: FastAPI, browser: httpx2.AsyncClient, provider: FakeProvider
) -> None:
    form = await form_of(app, browser, provider)
    provider.down = True

    assert (await browser.post("/logout", data=form)).status_code == 303
    assert await signed_in(app, browser) is None


@pytest.mark.parametrize("forged", [{}, {FORM_TOKEN: ""}, {FORM_TOKEN: "guessed"}, {FORM_TOKEN: "\u00e6"}])
async def test_a_form_without_the_token_of_the_session_is_refused(
    app: FastAPI, browser: httpx2.AsyncClient, provider: FakeProvider, forged: dict[str, Any]
) -> None:
    await form_of(app, browser, provider)

    for address in ("/page", "/logout", "/login/forlaeng"):
        assert problem_of(await browser.post(address, data=forged)) == (403, "form-refused")
    assert await signed_in(app, browser) is not None


async def test_a_form_of_another_person_or_role_is_refused(
    app: FastAPI, browser: httpx2.AsyncClient, provider: FakeProvider
) -> None:
    theirs = await form_of(app, browser, provider)
    browser.cookies.clear()
    provider.refreshed.clear()
    provider.claims |= {"sub": "citizen-2"}
    provider.userinfo |= {"sub": "citizen-2"}
    mine = await form_of(app, browser, provider)

    assert problem_of(await browser.post("/page", data=theirs)) == (403, "form-refused")
    assert problem_of(await browser.post("/page", files={FORM_TOKEN: mine[FORM_TOKEN]})) == (403, "form-refused")
    assert (await browser.post("/page", data=mine)).json() == "done"


async def test_a_form_of_an_earlier_session_of_the_same_person_is_accepted(
    app: FastAPI, browser: httpx2.AsyncClient, provider: FakeProvider, clock: ManualClock
) -> None:
    earlier = await form_of(app, browser, provider)
    clock.advance(hours=9)
    provider.refreshed.clear()
    later = await form_of(app, browser, provider)

    assert earlier != later
    assert (await browser.post("/page", data=earlier)).json() == "done"
    clock.advance(hours=7, minutes=1)
    provider.refreshed.clear()
    await log_in(browser, provider)
    assert problem_of(await browser.post("/page", data=earlier)) == (403, "form-refused")


async def test_a_script_learns_when_the_session_ends_without_extending_it(
    app: FastAPI, browser: httpx2.AsyncClient, provider: FakeProvider, clock: ManualClock
) -> None:
    assert (await browser.get("/login/session")).json() == {"ends_at": None}
    await log_in(browser, provider)
    clock.advance(minutes=20)

    answer = await browser.get("/login/session")

    assert datetime.fromisoformat(answer.json()["ends_at"]) - clock() == timedelta(minutes=10)
    assert answer.headers["cache-control"] == "no-store"


async def test_the_content_security_policy_allows_this_site_and_forms_to_the_provider(
    app: FastAPI, browser: httpx2.AsyncClient
) -> None:
    headers = (await browser.get("/page")).headers

    policy = dict(part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";"))
    assert policy["default-src"] == policy["base-uri"] == policy["frame-ancestors"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert policy["form-action"] == f"'self' {ISSUER}"
    assert headers["referrer-policy"] == "same-origin"
    assert headers["cache-control"] == "no-store"
    assert "content-security-policy" not in (await browser.get("/nowhere")).headers
