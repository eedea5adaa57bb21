"""Login at the OpenID provider: who gets a session, and who does not."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from frikort_contracts.http.roles import Role
from joserfc import jwt
from joserfc.jwk import ECKey

from services.portals.login.service import LoginService, Redirect
from services.portals.login.session import Session
from services.portals.login.session_store import key_of
from services.portals.problems import ProblemError
from tests.portals.build import ISSUER, PUBLIC_URL, client_key
from tests.portals.login.fakes import (
    CITIZEN,
    CLIENT,
    CODE,
    RESOURCE,
    FakeProvider,
    HandClock,
    MemorySessionStore,
    login_service,
)


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def provider() -> FakeProvider:
    return FakeProvider()


@pytest.fixture
def logins() -> MemorySessionStore:
    return MemorySessionStore()


@pytest.fixture
def login(provider: FakeProvider, clock: HandClock, logins: MemorySessionStore) -> LoginService:
    return login_service(provider, clock, logins)


def asked(sent: Redirect) -> dict[str, str]:
    """What the provider is asked for."""
    return {name: values[0] for name, values in parse_qs(urlsplit(sent.address).query).items()}


async def sent_by(login: LoginService, provider: FakeProvider, role: Role = Role.CITIZEN, path: str = "/") -> Redirect:
    sent = await login.begin(role, path, reauthenticate=False)
    provider.nonce = asked(sent)["nonce"]
    return sent


def answer_to(sent: Redirect, **changes: str) -> dict[str, str]:
    return {"code": CODE, "state": asked(sent)["state"], "iss": ISSUER, **changes}


async def session_after(login: LoginService, sent: Redirect, **changes: str) -> Session:
    received = await login.finish(sent.secret, answer_to(sent, **changes))
    session = await login.sessions.find(received.secret)
    assert session is not None
    return session


async def problem_of(login: LoginService, sent: Redirect, **changes: str) -> str:
    with pytest.raises(ProblemError) as caught:
        await login.finish(sent.secret, answer_to(sent, **changes))
    return caught.value.code


async def test_the_authorization_request_follows_the_standards(login: LoginService, provider: FakeProvider) -> None:
    question = asked(await sent_by(login, provider))

    assert question.pop("state") != question.pop("nonce")
    assert len(question.pop("code_challenge")) == 43
    assert question == {
        "response_type": "code",
        "client_id": CLIENT,
        "redirect_uri": f"{PUBLIC_URL}/login/callback",
        "scope": "openid person portal:citizen",
        "resource": RESOURCE,
        "code_challenge_method": "S256",
    }


async def test_another_person_can_log_in_on_request(login: LoginService) -> None:
    assert asked(await login.begin(Role.CITIZEN, "/", reauthenticate=True))["prompt"] == "login"


async def test_a_login_starts_a_session_with_an_access_token(login: LoginService, provider: FakeProvider) -> None:
    sent = await sent_by(login, provider)

    session = await session_after(login, sent)

    assert (session.role, session.organisation, session.name) == (Role.CITIZEN, "", CITIZEN["name"])
    assert (session.tokens.access, session.tokens.refresh) == ("access-1", "refresh-1")


async def test_the_access_token_is_requested_for_the_api_and_for_one_role(
    login: LoginService, provider: FakeProvider
) -> None:
    await session_after(login, await sent_by(login, provider))

    form = provider.asked[-1]
    assert (form["grant_type"], form["resource"], form["scope"]) == ("refresh_token", RESOURCE, "portal:citizen")
    assert "client_secret" not in form


async def test_the_code_is_redeemed_with_verifier_and_client_key(login: LoginService, provider: FakeProvider) -> None:
    sent = await sent_by(login, provider)
    await session_after(login, sent)

    form, _ = provider.asked
    challenge = urlsafe_b64encode(sha256(form["code_verifier"].encode()).digest()).decode().rstrip("=")
    assert challenge == asked(sent)["code_challenge"]
    assert (form["grant_type"], form["code"]) == ("authorization_code", CODE)
    assert "client_secret" not in form
    proof = jwt.decode(
        form["client_assertion"], ECKey.import_key(json.loads(client_key().read_text())), algorithms=["ES256"]
    )
    assert (proof.claims["iss"], proof.claims["sub"], proof.claims["aud"]) == (CLIENT, CLIENT, ISSUER)


@pytest.mark.parametrize(
    ("path", "goes_to"), [("/", "/borger"), ("/borger/fuldmagter?vis=alle", "/borger/fuldmagter?vis=alle")]
)
async def test_a_login_leads_to_the_page_that_was_wanted(
    login: LoginService, provider: FakeProvider, path: str, goes_to: str
) -> None:
    sent = await sent_by(login, provider, path=path)

    assert (await login.finish(sent.secret, answer_to(sent))).address == goes_to


async def test_the_portal_decides_which_of_two_roles_is_used(login: LoginService, provider: FakeProvider) -> None:
    provider.userinfo |= {"signs_for": "99000015"}

    citizen = await session_after(login, await sent_by(login, provider, Role.CITIZEN))
    provider.refreshed.clear()
    employer = await session_after(login, await sent_by(login, provider, Role.EMPLOYER))

    assert (citizen.role, citizen.signatory) == (Role.CITIZEN, False)
    assert (employer.role, employer.organisation, employer.signatory) == (Role.EMPLOYER, "99000015", True)
    assert [form["scope"] for form in provider.asked if form["grant_type"] == "refresh_token"] == [
        "portal:citizen",
        "portal:employer",
    ]


async def test_a_person_without_the_role_gets_no_session_and_no_token(
    login: LoginService, provider: FakeProvider
) -> None:
    assert await problem_of(login, await sent_by(login, provider, Role.CASEWORKER)) == "login-role-missing"
    assert (provider.refreshed, provider.revoked) == ([], ["refresh-0"])


async def test_a_provider_that_gives_no_refresh_token_gives_no_login(
    login: LoginService, provider: FakeProvider
) -> None:
    provider.answer = {"refresh_token": None}

    assert await problem_of(login, await sent_by(login, provider)) == "login-failed"


async def test_a_login_is_used_once(login: LoginService, provider: FakeProvider) -> None:
    sent = await sent_by(login, provider)
    await session_after(login, sent)

    assert await problem_of(login, sent) == "login-failed"
    assert len(provider.asked) == 2


async def test_a_response_with_a_wrong_state_uses_the_login_up(login: LoginService, provider: FakeProvider) -> None:
    sent = await sent_by(login, provider)

    assert await problem_of(login, sent, state="guessed") == "login-failed"
    assert await problem_of(login, sent) == "login-failed"
    assert provider.asked == []


async def test_a_response_in_another_browser_is_refused(login: LoginService, provider: FakeProvider) -> None:
    mine, theirs = await sent_by(login, provider), await sent_by(login, provider)

    with pytest.raises(ProblemError, match="login-failed"):
        await login.finish(mine.secret, answer_to(theirs))
    with pytest.raises(ProblemError, match="login-failed"):
        await login.finish("", answer_to(theirs))


@pytest.mark.parametrize("changes", [{"state": ""}, {"state": "\u00e6"}, {"iss": "https://other.test"}])
async def test_a_wrong_state_or_issuer_is_refused(
    login: LoginService, provider: FakeProvider, changes: dict[str, str]
) -> None:
    assert await problem_of(login, await sent_by(login, provider), **changes) == "login-failed"
    assert provider.asked == []


async def test_a_response_without_a_code_is_refused(login: LoginService, provider: FakeProvider) -> None:
    sent = await sent_by(login, provider)

    with pytest.raises(ProblemError, match="login-failed"):
        await login.finish(sent.secret, {"state": asked(sent)["state"]})


async def test_a_login_has_a_time_limit(login: LoginService, provider: FakeProvider, clock: HandClock) -> None:
    sent = await sent_by(login, provider)
    clock.advance(minutes=10)

    assert await problem_of(login, sent) == "login-failed"


async def test_a_person_can_cancel_a_login(login: LoginService, provider: FakeProvider) -> None:
    assert await problem_of(login, await sent_by(login, provider), error="access_denied") == "login-cancelled"


async def test_another_error_of_the_provider_is_a_failed_login(login: LoginService, provider: FakeProvider) -> None:
    sent = await sent_by(login, provider)

    with pytest.raises(ProblemError, match="login-failed"):
        await login.finish(sent.secret, {"state": asked(sent)["state"], "error": "server_error"})


@pytest.mark.parametrize(
    "claims",
    [
        pytest.param({"nonce": "another"}, id="another nonce"),
        pytest.param({"nonce": None}, id="no nonce"),
        pytest.param({"iss": "https://other.test"}, id="another issuer"),
        pytest.param({"iss": None}, id="no issuer"),
        pytest.param({"aud": "another-client"}, id="for another client"),
        pytest.param({"aud": "another-client", "azp": CLIENT}, id="for another client, by us"),
        pytest.param({"aud": None}, id="for nobody"),
        pytest.param({"exp": 1}, id="expired"),
        pytest.param({"exp": None}, id="that never expires"),
        pytest.param({"sub": None}, id="of nobody"),
        pytest.param({"sub": "someone-else"}, id="of someone else than the userinfo"),
        pytest.param({"at_hash": "wrong"}, id="with another access token"),
    ],
)
async def test_an_invalid_id_token_is_refused(
    login: LoginService, provider: FakeProvider, claims: dict[str, Any]
) -> None:
    provider.claims = claims

    assert await problem_of(login, await sent_by(login, provider)) == "login-failed"


async def test_a_forged_id_token_is_refused(login: LoginService, provider: FakeProvider) -> None:
    provider.signing_key = ECKey.generate_key("P-256", {"kid": "one"})

    assert await problem_of(login, await sent_by(login, provider)) == "login-failed"


async def test_a_response_without_an_id_token_is_refused(login: LoginService, provider: FakeProvider) -> None:
    provider.answer = {"id_token": None}

    assert await problem_of(login, await sent_by(login, provider)) == "login-failed"


async def test_the_provider_can_rotate_its_key(login: LoginService, provider: FakeProvider) -> None:
    await session_after(login, await sent_by(login, provider))
    provider.key = ECKey.generate_key("P-256", {"kid": "two", "use": "sig"})
    provider.refreshed.clear()

    assert (await session_after(login, await sent_by(login, provider))).name == CITIZEN["name"]


async def test_an_unknown_code_is_refused(login: LoginService, provider: FakeProvider) -> None:
    provider.status = 400

    assert await problem_of(login, await sent_by(login, provider)) == "login-failed"


async def test_while_the_provider_is_down_a_login_is_unavailable(login: LoginService, provider: FakeProvider) -> None:
    provider.away = True
    with pytest.raises(ProblemError) as caught:
        await login.begin(Role.CITIZEN, "/", reauthenticate=False)

    assert (caught.value.code, "Retry-After" in caught.value.headers) == ("login-unavailable", True)

    provider.away = False
    sent = await sent_by(login, provider)
    provider.away = True
    assert await problem_of(login, sent) == "login-unavailable"


@pytest.mark.parametrize(
    "metadata", [{"issuer": "https://other.test"}, {"token_endpoint": None}, {"userinfo_endpoint": None}]
)
async def test_wrong_provider_metadata_is_loaded_again_at_the_next_login(
    login: LoginService, provider: FakeProvider, metadata: dict[str, Any]
) -> None:
    provider.metadata = metadata
    with pytest.raises(ProblemError, match="login-unavailable"):
        await login.begin(Role.CITIZEN, "/", reauthenticate=False)

    provider.metadata = {}
    assert (await session_after(login, await sent_by(login, provider))).name == CITIZEN["name"]


async def test_a_login_under_way_is_stored_encrypted(
    login: LoginService, provider: FakeProvider, logins: MemorySessionStore
) -> None:
    sent = await sent_by(login, provider, path="/borger/fuldmagter")

    assert list(logins.records) == [key_of(sent.secret)]
    for readable in (sent.secret, asked(sent)["state"], asked(sent)["nonce"], "fuldmagter"):
        assert readable not in str(logins.records)


async def test_logout_leads_to_the_provider_and_back(login: LoginService, provider: FakeProvider) -> None:
    address = await login.provider.end_session_url("an.id.token", f"{PUBLIC_URL}/")

    assert address.startswith(f"{ISSUER}/end?")
    assert parse_qs(urlsplit(address).query) == {
        "id_token_hint": ["an.id.token"],
        "post_logout_redirect_uri": [f"{PUBLIC_URL}/"],
    }


@pytest.mark.parametrize("away", [True, False])
async def test_logout_works_without_the_provider(login: LoginService, provider: FakeProvider, away: bool) -> None:
    provider.away = away
    provider.metadata = {"end_session_endpoint": None}

    assert await login.provider.end_session_url("an.id.token", f"{PUBLIC_URL}/") == f"{PUBLIC_URL}/"
