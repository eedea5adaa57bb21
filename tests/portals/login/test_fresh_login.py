"""A fresh login for a sensitive action: the same person logs in again, and what is open in other tabs stays valid."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import httpx2
from fastapi import FastAPI

from services.portals.login.session_guard import COOKIE
from tests.portals.build import ISSUER
from tests.portals.login.fakes import CODE, FakeProvider
from tests.portals.login.test_routes import log_in, sessions_of, signed_in

PATH = "/borger/fuldmagter/ny?genoptag=a-draft"


async def sent_to_provider(browser: httpx2.AsyncClient, provider: FakeProvider, path: str) -> dict[str, list[str]]:
    """The question that the provider gets when a signed-in person logs in again."""
    sent = await browser.get("/login", params={"next": path, "igen": "ja"})
    assert sent.status_code == 303
    question = parse_qs(urlsplit(sent.headers["location"]).query)
    provider.nonce = question["nonce"][0]
    provider.refreshed.clear()
    return question


async def come_back(browser: httpx2.AsyncClient, question: dict[str, list[str]]) -> str:
    """Where the browser is sent after the login."""
    answer = await browser.get(f"/login/callback?code={CODE}&state={question['state'][0]}&iss={ISSUER}")
    return str(answer.headers["location"])


async def test_the_provider_authenticates_the_person_again_and_the_old_session_ends(
    app: FastAPI, browser: httpx2.AsyncClient, provider: FakeProvider
) -> None:
    await log_in(browser, provider)
    before, cookie = await signed_in(app, browser), str(browser.cookies[COOKIE])

    question = await sent_to_provider(browser, provider, PATH)
    address = await come_back(browser, question)

    after = await signed_in(app, browser)
    assert question["prompt"] == ["login"]
    assert address == PATH
    assert await sessions_of(app).find(cookie) is None
    assert before is not None
    assert after is not None
    assert after.form_token == before.form_token


async def test_another_person_continues_nothing(
    app: FastAPI, browser: httpx2.AsyncClient, provider: FakeProvider
) -> None:
    await log_in(browser, provider)
    before = await signed_in(app, browser)
    question = await sent_to_provider(browser, provider, PATH)
    provider.claims = {"sub": "citizen-2"}
    provider.userinfo |= {"sub": "citizen-2"}

    await come_back(browser, question)

    after = await signed_in(app, browser)
    assert before is not None
    assert after is not None
    assert after.form_token != before.form_token


async def test_another_role_continues_nothing(
    app: FastAPI, browser: httpx2.AsyncClient, provider: FakeProvider
) -> None:
    await log_in(browser, provider)
    before = await signed_in(app, browser)
    provider.userinfo |= {"cvr": "99000007"}

    await come_back(browser, await sent_to_provider(browser, provider, "/virksomhed"))

    after = await signed_in(app, browser)
    assert before is not None
    assert after is not None
    assert after.form_token != before.form_token


async def test_without_a_session_it_is_an_ordinary_login(browser: httpx2.AsyncClient, provider: FakeProvider) -> None:
    assert await come_back(browser, await sent_to_provider(browser, provider, PATH)) == PATH
