"""The OpenID provider ends sessions at once; a forged or repeated request ends nothing."""

from __future__ import annotations

import time
from typing import Any, Final

import httpx2
import pytest
from fastapi import FastAPI
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey

from services.portals.login.logout_token import EVENT
from services.portals.login.session_guard import COOKIE
from tests.portals.build import ISSUER, PUBLIC_URL
from tests.portals.login.fakes import CLIENT, FakeProvider
from tests.portals.login.test_routes import log_in, sessions_of, signed_in
from tests.tokens import falsified

ADDRESS: Final = "/login/backchannel-logout"
SID: Final = "session-at-the-provider"


def claims(**changes: Any) -> dict[str, Any]:
    """The claims of a logout token; None leaves one out."""
    now = int(time.time())
    given: dict[str, Any] = {
        "iss": ISSUER,
        "aud": CLIENT,
        "iat": now,
        "exp": now + 120,
        "jti": "one",
        "sub": "citizen-1",
        "sid": SID,
        "events": {EVENT: {}},
        **changes,
    }
    return {name: value for name, value in given.items() if value is not None}


def logout_token(key: ECKey, /, *, typ: str = "logout+jwt", **changes: Any) -> str:
    return jwt.encode({"alg": "ES256", "kid": str(key.kid), "typ": typ}, claims(**changes), key)


@pytest.fixture
async def signed_in_browser(browser: httpx2.AsyncClient, provider: FakeProvider) -> httpx2.AsyncClient:
    provider.claims["sid"] = SID
    await log_in(browser, provider)
    return browser


async def send(app: FastAPI, token: str) -> httpx2.Response:
    """The response to a request of the provider, which has no cookies."""
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url=PUBLIC_URL) as caller:
        return await caller.post(ADDRESS, data={"logout_token": token})


@pytest.mark.parametrize("named", [{}, {"sub": None}, {"sid": None}], ids=["both", "sid", "sub"])
async def test_the_session_that_the_token_names_ends_at_once_and_its_tokens_are_revoked(
    app: FastAPI, signed_in_browser: httpx2.AsyncClient, provider: FakeProvider, named: dict[str, Any]
) -> None:
    page = await signed_in_browser.get("/page")
    assert "Karla Hemmelig" in page.text

    answer = await send(app, logout_token(provider.key, **named))

    assert (answer.status_code, answer.content, answer.headers["cache-control"]) == (200, b"", "no-store")
    assert (await signed_in_browser.get("/page")).text == "<p>none"
    assert await signed_in(app, signed_in_browser) is None
    assert provider.revoked == ["refresh-1"]


@pytest.mark.parametrize(
    "named", [{"sid": "another"}, {"sub": "citizen-2"}, {"sub": "citizen-2", "sid": None}, {"sub": None, "sid": "x"}]
)
async def test_other_sessions_go_on(
    app: FastAPI, signed_in_browser: httpx2.AsyncClient, provider: FakeProvider, named: dict[str, Any]
) -> None:
    assert (await send(app, logout_token(provider.key, **named))).status_code == 200

    assert await signed_in(app, signed_in_browser) is not None
    assert provider.revoked == []


async def test_all_sessions_of_a_person_end_if_the_token_names_no_session(
    app: FastAPI, signed_in_browser: httpx2.AsyncClient, provider: FakeProvider
) -> None:
    first = str(signed_in_browser.cookies[COOKIE])
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url=PUBLIC_URL) as elsewhere:
        provider.claims["sid"] = "another"
        provider.refreshed.clear()
        await log_in(elsewhere, provider)
        second = str(elsewhere.cookies[COOKIE])

    await send(app, logout_token(provider.key, sid=None))

    assert [await sessions_of(app).find(secret) for secret in (first, second)] == [None, None]


async def test_a_token_that_was_used_is_refused(
    app: FastAPI, signed_in_browser: httpx2.AsyncClient, provider: FakeProvider
) -> None:
    token = logout_token(provider.key, sid=None)
    assert (await send(app, token)).status_code == 200
    provider.refreshed.clear()
    await log_in(signed_in_browser, provider)

    replayed = await send(app, token)

    assert (replayed.status_code, replayed.json()) == (400, {"error": "invalid_request"})
    assert await signed_in(app, signed_in_browser) is not None


WRONG: Final[dict[str, dict[str, Any]]] = {
    "of another issuer": {"iss": "https://elsewhere.test"},
    "for another client": {"aud": "another"},
    "without an audience": {"aud": None},
    "expired": {"exp": int(time.time()) - 60},
    "that never expires": {"exp": None},
    "issued in the future": {"iat": int(time.time()) + 3600},
    "without a time of issue": {"iat": None},
    "without an id": {"jti": None},
    "without subject and session": {"sub": None, "sid": None},
    "without events": {"events": None},
    "of another event": {"events": {"http://schemas.openid.net/event/other": {}}},
    "whose event is no object": {"events": {EVENT: "yes"}},
    "with a nonce, as an ID token has": {"nonce": "n"},
}


@pytest.mark.parametrize("changes", WRONG.values(), ids=WRONG.keys())
async def test_a_token_with_wrong_claims_ends_nothing(
    app: FastAPI, signed_in_browser: httpx2.AsyncClient, provider: FakeProvider, changes: dict[str, Any]
) -> None:
    answer = await send(app, logout_token(provider.key, **changes))

    assert (answer.status_code, answer.json()) == (400, {"error": "invalid_request"})
    assert await signed_in(app, signed_in_browser) is not None


async def test_a_forged_token_ends_nothing(
    app: FastAPI, signed_in_browser: httpx2.AsyncClient, provider: FakeProvider
) -> None:
    own_key = ECKey.generate_key("P-256", {"kid": str(provider.key.kid)})
    unknown_key = ECKey.generate_key("P-256", {"kid": "unknown"})
    public_key = OctKey.import_key(str(provider.key.as_dict(private=False)).encode())
    good = logout_token(provider.key)
    header, body, signature = good.split(".")
    for forged in (
        logout_token(own_key),
        logout_token(unknown_key),
        logout_token(provider.key, typ="at+jwt"),
        logout_token(provider.key, typ="JWT"),
        logout_token(provider.key, typ=""),
        jwt.encode({"alg": "HS256", "kid": str(provider.key.kid)}, claims(), public_key),
        f"eyJhbGciOiJub25lIn0.{body}.",
        f"{header}.{body}.{falsified(signature)}",
        "a.b.c",
        "",
    ):
        assert (await send(app, forged)).status_code == 400, forged

    assert await signed_in(app, signed_in_browser) is not None


async def test_a_new_key_of_the_provider_is_fetched_and_forgeries_do_not_make_it_fetch_often(
    app: FastAPI, signed_in_browser: httpx2.AsyncClient, provider: FakeProvider
) -> None:
    provider.key = ECKey.generate_key("P-256", {"kid": "two", "use": "sig"})
    assert (await send(app, logout_token(provider.key, sid="another"))).status_code == 200
    fetched = provider.keys_fetched

    for kid in ("three", "four", "five"):
        forged = logout_token(ECKey.generate_key("P-256", {"kid": kid}))
        assert (await send(app, forged)).status_code == 400

    assert provider.keys_fetched == fetched


async def test_while_the_provider_is_down_a_token_with_an_unknown_key_is_answered_with_an_outage(
    app: FastAPI, signed_in_browser: httpx2.AsyncClient, provider: FakeProvider
) -> None:
    provider.down = True

    answer = await send(app, logout_token(ECKey.generate_key("P-256", {"kid": "two"})))

    assert answer.status_code == 503
    assert await signed_in(app, signed_in_browser) is not None
