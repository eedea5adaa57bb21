"""A fresh login for a sensitive action: the person comes back to the form as it was sent."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
from fastapi import FastAPI

from services.portals.login.session_guard import COOKIE, FORM_TOKEN
from tests.portals.build import ISSUER
from tests.portals.login.fakes import CODE, FakeProvider
from tests.portals.login.test_routes import log_in, problem_of, sessions_of, signed_in

PATH = "/borger/fuldmagter/ny"
TYPED = {"name": "Vera Ven", "until": "2027-01-01", "key": "11111111-1111-4111-8111-111111111111"}
KEPT = [*TYPED.items()]


async def sent_to_provider(app: FastAPI, browser: httpx2.AsyncClient, provider: FakeProvider) -> dict[str, list[str]]:
    """The question that the provider gets when a signed-in person logs in again with a form."""
    session = await signed_in(app, browser)
    assert session is not None
    form = {**TYPED, "step": "send", FORM_TOKEN: session.form_token}
    sent = await browser.post("/login/igen", params={"next": PATH}, data=form)
    assert sent.status_code == 303
    question = parse_qs(urlsplit(sent.headers["location"]).query)
    provider.nonce = question["nonce"][0]
    provider.refreshed.clear()
    return question


async def come_back(browser: httpx2.AsyncClient, question: dict[str, list[str]]) -> str:
    """Where the browser is sent after the login."""
    answer = await browser.get(f"/login/callback?code={CODE}&state={question['state'][0]}&iss={ISSUER}")
    return str(answer.headers["location"])


async def test_the_provider_is_asked_to_authenticate_the_person_and_sees_nothing_of_the_form(
    app: FastAPI, browser: httpx2.AsyncClient, provider: FakeProvider
) -> None:
    await log_in(browser, provider)

    question = await sent_to_provider(app, browser, provider)

    assert question["prompt"] == ["login"]
    assert "Vera" not in str(question)


async def test_the_form_is_there_once_in_the_new_session_with_the_same_form_token(
    app: FastAPI, browser: httpx2.AsyncClient, provider: FakeProvider
) -> None:
    await log_in(browser, provider)
    before = await signed_in(app, browser)
    cookie = browser.cookies[COOKIE]

    address = await come_back(browser, await sent_to_provider(app, browser, provider))

    after = await signed_in(app, browser)
    assert before is not None
    assert after is not None
    assert address == f"{PATH}?genoptag=ja"
    assert browser.cookies[COOKIE] != cookie
    assert await sessions_of(app).find(str(cookie)) is None
    assert after.form_token == before.form_token
    login = app.state.portals.login
    assert sorted(map(tuple, await login.take_draft(after.key, PATH))) == sorted(KEPT)
    assert await login.take_draft(after.key, PATH) is None


async def test_another_person_gets_neither_the_form_nor_its_token(
    app: FastAPI, browser: httpx2.AsyncClient, provider: FakeProvider
) -> None:
    await log_in(browser, provider)
    before = await signed_in(app, browser)
    question = await sent_to_provider(app, browser, provider)
    provider.claims = {"sub": "citizen-2"}
    provider.userinfo |= {"sub": "citizen-2"}

    address = await come_back(browser, question)

    after = await signed_in(app, browser)
    assert before is not None
    assert after is not None
    assert address == "/borger"
    assert after.form_token != before.form_token
    assert await app.state.portals.login.take_draft(after.key, PATH) is None


async def test_the_form_is_shown_only_on_its_own_page(
    app: FastAPI, browser: httpx2.AsyncClient, provider: FakeProvider
) -> None:
    await log_in(browser, provider)
    await come_back(browser, await sent_to_provider(app, browser, provider))
    session = await signed_in(app, browser)
    assert session is not None

    assert await app.state.portals.login.take_draft(session.key, "/borger/mine-data") is None


@pytest.mark.parametrize("form", [{}, {FORM_TOKEN: "wrong"}])
async def test_a_form_of_another_session_begins_no_login(
    browser: httpx2.AsyncClient, provider: FakeProvider, form: dict[str, str]
) -> None:
    await log_in(browser, provider)

    assert problem_of(await browser.post("/login/igen", data=form)) == (403, "form-refused")


async def test_without_a_session_no_login_begins(browser: httpx2.AsyncClient) -> None:
    assert problem_of(await browser.post("/login/igen", data={})) == (401, "login-required")
