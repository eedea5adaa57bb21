"""Login, session and logout as a browser sees them, and forms that are not the person's own."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
from fastapi import FastAPI
from frikort_contracts.http.roles import Role

from services.portals.container import Container
from services.portals.login.session import Session
from services.portals.login.session_guard import COOKIE, FORM_TOKEN
from services.portals.login.sessions import Sessions
from tests.portals.build import ISSUER, PUBLIC_URL
from tests.portals.login.fakes import CITIZEN, CODE, FakeProvider, HandClock

UNDER_WAY = "__Host-frikort-login"


async def callback_of(browser: httpx2.AsyncClient, provider: FakeProvider, **query: str) -> str:
    """The address to which the provider redirects after a login that begins now."""
    sent = await browser.get("/login", params={"dør": "borger", **query})
    question = parse_qs(urlsplit(sent.headers["location"]).query)
    provider.nonce = question["nonce"][0]
    return f"/login/callback?code={CODE}&state={question['state'][0]}&iss={ISSUER}"


async def log_on(browser: httpx2.AsyncClient, provider: FakeProvider, **query: str) -> httpx2.Response:
    return await browser.get(await callback_of(browser, provider, **query))


def sessions_of(app: FastAPI) -> Sessions:
    portals: Container = app.state.portals
    return portals.login.sessions


async def signed_in(app: FastAPI, browser: httpx2.AsyncClient) -> Session | None:
    return await sessions_of(app).find(str(browser.cookies.get(COOKIE)))


def cookies(response: httpx2.Response) -> dict[str, str]:
    """The cookies that an answer sets: by name what they hold and how they may be used."""
    set_cookies = response.headers.get_list("set-cookie")
    return {name: rest for name, _, rest in (cookie.partition("=") for cookie in set_cookies)}


def problem(response: httpx2.Response) -> tuple[int, str]:
    assert response.headers["content-type"] == "application/problem+json"
    return response.status_code, str(response.json()["type"]).removeprefix("/problems/")


async def test_who_comes_by_another_name_of_the_host_is_led_to_the_one_that_keeps_the_cookies(
    browser: httpx2.AsyncClient,
) -> None:
    query = {"dør": "borger", "next": "/borger/loen"}
    answer = await browser.get("/login", params=query, headers={"host": "localhost:8080"})

    address = urlsplit(answer.headers["location"])
    assert f"{address.scheme}://{address.netloc}{address.path}" == f"{PUBLIC_URL}/login"
    assert not cookies(answer)
    led = await browser.get(f"/login?{address.query}", headers={"host": "localhost:8080"})
    assert led.headers["location"].startswith(ISSUER)
    assert UNDER_WAY in cookies(led)


async def test_a_session_begins_with_a_cookie_that_only_this_site_gets_and_no_script_reads(
    app: FastAPI, browser: httpx2.AsyncClient, provider: FakeProvider
) -> None:
    answer = await log_on(browser, provider, next="/borger/fuldmagter")

    assert (answer.status_code, answer.headers["location"]) == (303, "/borger/fuldmagter")
    [secret, *attributes] = cookies(answer)[COOKIE].split("; ")
    assert len(secret) == 43
    assert {attribute.lower() for attribute in attributes} == {"httponly", "path=/", "samesite=lax", "secure"}
    session = await signed_in(app, browser)
    assert session is not None
    assert session.name == CITIZEN["name"]
    assert UNDER_WAY not in browser.cookies


async def test_the_cookie_of_a_login_under_way_is_as_safe_and_short_lived(browser: httpx2.AsyncClient) -> None:
    sent = await browser.get("/login?dør=borger")

    attributes = cookies(sent)[UNDER_WAY].lower().split("; ")[1:]
    assert set(attributes) == {"httponly", "max-age=600", "path=/", "samesite=lax", "secure"}


@pytest.mark.parametrize(
    ("query", "role"),
    [({"dør": "kommune"}, Role.CASEWORKER), ({"next": "/virksomhed/indberet"}, Role.EMPLOYER)],
)
async def test_the_door_is_named_or_follows_from_the_page(
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
async def test_who_names_no_door_is_shown_them_all(browser: httpx2.AsyncClient, address: str) -> None:
    answer = await browser.get(address)

    assert (answer.status_code, answer.headers["location"]) == (303, "/")


@pytest.mark.parametrize("path", ["https://evil.test/", "//evil.test", "/\\evil.test"])
async def test_a_login_leads_to_no_other_site(browser: httpx2.AsyncClient, provider: FakeProvider, path: str) -> None:
    assert (await log_on(browser, provider, next=path)).headers["location"] == "/borger"


async def test_a_session_that_was_fixed_before_the_login_is_not_used(
    app: FastAPI, browser: httpx2.AsyncClient, provider: FakeProvider
) -> None:
    await log_on(browser, provider)
    planted = str(browser.cookies[COOKIE])

    provider.refreshed.clear()
    await log_on(browser, provider, skift="ja")

    assert browser.cookies[COOKIE] != planted
    assert await sessions_of(app).find(planted) is None
    assert await signed_in(app, browser) is not None


async def test_a_made_up_cookie_is_replaced_at_login(
    app: FastAPI, browser: httpx2.AsyncClient, provider: FakeProvider
) -> None:
    browser.cookies.set(COOKIE, "planted", domain="frikort.test")
    await log_on(browser, provider)

    assert browser.cookies[COOKIE] != "planted"
    assert await signed_in(app, browser) is not None


async def test_a_callback_that_is_replayed_gives_no_session(
    app: FastAPI, browser: httpx2.AsyncClient, provider: FakeProvider
) -> None:
    address = await callback_of(browser, provider)
    under_way = browser.cookies[UNDER_WAY]
    await browser.get(address)
    browser.cookies.clear()
    browser.cookies.set(UNDER_WAY, str(under_way), domain="frikort.test")

    answer = await browser.get(address)

    assert problem(answer) == (400, "login-failed")
    assert COOKIE not in cookies(answer)


async def test_a_callback_in_another_browser_gives_no_session(
    app: FastAPI, browser: httpx2.AsyncClient, provider: FakeProvider
) -> None:
    address = await callback_of(browser, provider)
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url=PUBLIC_URL) as other:
        answer = await other.get(address)

    assert problem(answer) == (400, "login-failed")


async def test_who_is_signed_in_already_goes_straight_on(browser: httpx2.AsyncClient, provider: FakeProvider) -> None:
    await log_on(browser, provider)

    for next_path, goes_to in (("/borger/fuldmagter", "/borger/fuldmagter"), ("/", "/borger")):
        answer = await browser.get("/login", params={"dør": "borger", "next": next_path})
        assert answer.headers["location"] == goes_to
    assert (await browser.get("/login?dør=kommune")).headers["location"].startswith(f"{ISSUER}/auth?")
    assert (await browser.get("/login?dør=borger&skift=ja")).headers["location"].startswith(f"{ISSUER}/auth?")


async def test_the_provider_asks_for_the_identity_again_after_a_failed_login(
    browser: httpx2.AsyncClient, provider: FakeProvider
) -> None:
    async def asks_again() -> bool:
        address = (await browser.get("/login?dør=borger&skift=nej")).headers["location"]
        return "prompt" in parse_qs(urlsplit(address).query)

    assert not await asks_again()
    assert await asks_again()
    await log_on(browser, provider)
    browser.cookies.delete(COOKIE)
    assert not await asks_again()


async def test_while_the_provider_is_away_it_is_said_in_plain_words(
    browser: httpx2.AsyncClient, provider: FakeProvider
) -> None:
    provider.away = True

    answer = await browser.get("/login?dør=borger")

    assert problem(answer) == (503, "login-unavailable")
    assert answer.headers["retry-after"]
    assert answer.json()["title"] == "Man kan ikke logge på lige nu"


async def form_of(app: FastAPI, browser: httpx2.AsyncClient, provider: FakeProvider) -> dict[str, str]:
    """What a form of a page of this session carries."""
    await log_on(browser, provider)
    session = await signed_in(app, browser)
    assert session is not None
    return {FORM_TOKEN: session.form_token}


async def test_logging_off_ends_it_here_and_at_the_provider(
    app: FastAPI, browser: httpx2.AsyncClient, provider: FakeProvider
) -> None:
    form = await form_of(app, browser, provider)
    stolen = str(browser.cookies[COOKIE])

    answer = await browser.post("/logout", data=form)

    assert answer.status_code == 303
    left_for = urlsplit(answer.headers["location"])
    assert f"{left_for.scheme}://{left_for.netloc}{left_for.path}" == f"{ISSUER}/end"
    assert parse_qs(left_for.query)["post_logout_redirect_uri"] == [f"{PUBLIC_URL}/"]
    assert COOKIE not in browser.cookies
    assert await sessions_of(app).find(stolen) is None
    assert provider.revoked == ["refresh-1"]


async def test_who_is_not_signed_in_is_not_signed_out(browser: httpx2.AsyncClient) -> None:
    answer = await browser.post("/logout")

    assert (answer.status_code, answer.headers["location"]) == (303, "/")


async def test_a_link_does_not_log_off(app: FastAPI, browser: httpx2.AsyncClient, provider: FakeProvider) -> None:
    await log_on(browser, provider)

    assert (await browser.get("/logout")).status_code == 405
    assert await signed_in(app, browser) is not None


async def test_a_session_is_extended_by_a_form_and_by_a_script(
    app: FastAPI, browser: httpx2.AsyncClient, provider: FakeProvider, clock: HandClock
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


async def test_a_session_that_has_ended_cannot_be_extended(
    app: FastAPI, browser: httpx2.AsyncClient, provider: FakeProvider, clock: HandClock
) -> None:
    form = await form_of(app, browser, provider)
    clock.advance(minutes=30)

    assert problem(await browser.post("/login/forlaeng", data=form)) == (401, "login-required")


async def test_a_form_leads_to_no_other_site(app: FastAPI, browser: httpx2.AsyncClient, provider: FakeProvider) -> None:
    form = await form_of(app, browser, provider)

    answer = await browser.post("/login/forlaeng", data=form | {"next": "//evil.test"})

    assert answer.headers["location"] == "/"


async def test_a_page_knows_who_is_signed_in(
    app: FastAPI, browser: httpx2.AsyncClient, provider: FakeProvider, clock: HandClock
) -> None:
    assert (await browser.get("/page")).text == "<p>none"
    await log_on(browser, provider)
    assert (await browser.get("/page")).text == "<p>citizen Karla Hemmelig"
    clock.advance(minutes=31)
    assert (await browser.get("/page")).text == "<p>none"


async def test_a_form_of_the_session_is_let_through(
    app: FastAPI, browser: httpx2.AsyncClient, provider: FakeProvider
) -> None:
    form = await form_of(app, browser, provider)

    assert (await browser.post("/page", data=form)).json() == "done"
    assert (await browser.post("/page", data=form, files={"file": b"lines"})).json() == "done"


@pytest.mark.parametrize(
    ("headers", "lets_through"),
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
async def test_a_form_comes_from_this_site(
    app: FastAPI, browser: httpx2.AsyncClient, provider: FakeProvider, headers: dict[str, str], lets_through: bool
) -> None:
    form = await form_of(app, browser, provider)
    del browser.headers["Sec-Fetch-Site"]

    answer = await browser.post("/page", data=form, headers=headers)

    assert answer.status_code == 200 if lets_through else problem(answer) == (403, "form-refused")


async def test_no_token_reaches_the_browser(app: FastAPI, browser: httpx2.AsyncClient, provider: FakeProvider) -> None:
    answers = [await browser.get("/login?dør=borger"), await log_on(browser, provider), await browser.get("/page")]

    session = await signed_in(app, browser)
    assert session is not None
    seen = "".join(f"{answer.headers}{answer.text}" for answer in answers)
    assert session.tokens.access not in seen
    assert session.tokens.refresh not in seen


async def test_logout_works_while_the_provider_is_down(
    app: FastAPI, browser: httpx2.AsyncClient, provider: FakeProvider
) -> None:
    form = await form_of(app, browser, provider)
    provider.away = True

    assert (await browser.post("/logout", data=form)).status_code == 303
    assert await signed_in(app, browser) is None


@pytest.mark.parametrize("forged", [{}, {FORM_TOKEN: ""}, {FORM_TOKEN: "guessed"}, {FORM_TOKEN: "\u00e6"}])
async def test_a_form_carries_the_token_of_the_session(
    app: FastAPI, browser: httpx2.AsyncClient, provider: FakeProvider, forged: dict[str, Any]
) -> None:
    await form_of(app, browser, provider)

    for address in ("/page", "/logout", "/login/forlaeng"):
        assert problem(await browser.post(address, data=forged)) == (403, "form-refused")
    assert await signed_in(app, browser) is not None


async def test_a_form_of_another_session_is_refused(
    app: FastAPI, browser: httpx2.AsyncClient, provider: FakeProvider
) -> None:
    theirs = await form_of(app, browser, provider)
    browser.cookies.clear()
    provider.refreshed.clear()
    mine = await form_of(app, browser, provider)

    assert problem(await browser.post("/page", data=theirs)) == (403, "form-refused")
    assert problem(await browser.post("/page", files={FORM_TOKEN: mine[FORM_TOKEN]})) == (403, "form-refused")
    assert (await browser.post("/page", data=mine)).json() == "done"


async def test_a_page_loads_nothing_from_elsewhere_and_sends_nothing_there_but_to_log_off(
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
