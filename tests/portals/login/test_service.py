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
    ManualClock,
    MemorySessionStore,
    login_service,
)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def provider() -> FakeProvider:
    return FakeProvider()


@pytest.fixture
def logins() -> MemorySessionStore:
    return MemorySessionStore()


@pytest.fixture
def login(provider: FakeProvider, clock: ManualClock, logins: MemorySessionStore) -> LoginService:
    return login_service(provider, clock, logins)


def query_of(sent: Redirect) -> dict[str, str]:
    """The query of the redirect to the provider."""
    return {name: values[0] for name, values in parse_qs(urlsplit(sent.address).query).items()}


async def begin_login(
    login: LoginService, provider: FakeProvider, role: Role = Role.CITIZEN, path: str = "/"
) -> Redirect:
    sent = await login.begin(role, path, reauthenticate=False)
    provider.nonce = query_of(sent)["nonce"]
    return sent


def callback_query(sent: Redirect, **changes: str) -> dict[str, str]:
    return {"code": CODE, "state": query_of(sent)["state"], "iss": ISSUER, **changes}


async def session_after(login: LoginService, sent: Redirect, **changes: str) -> Session:
    received = await login.finish(sent.secret, callback_query(sent, **changes))
    session = await login.sessions.find(received.secret)
    assert session is not None
    return session


async def problem_of(login: LoginService, sent: Redirect, **changes: str) -> str:
    with pytest.raises(ProblemError) as caught:
        await login.finish(sent.secret, callback_query(sent, **changes))
    return caught.value.code


async def test_the_authorization_request_follows_the_standards(login: LoginService, provider: FakeProvider) -> None:
    question = query_of(await begin_login(login, provider))

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
    assert query_of(await login.begin(Role.CITIZEN, "/", reauthenticate=True))["prompt"] == "login"


async def test_a_login_starts_a_session_with_an_access_token(login: LoginService, provider: FakeProvider) -> None:
    sent = await begin_login(login, provider)

    session = await session_after(login, sent)

    assert (session.role, session.organisation, session.name) == (Role.CITIZEN, "", CITIZEN["name"])
    assert (session.tokens.access, session.tokens.refresh) == ("access-1", "refresh-1")


async def test_the_access_token_is_requested_for_the_api_and_for_one_role(
    login: LoginService, provider: FakeProvider
) -> None:
    await session_after(login, await begin_login(login, provider))

    form = provider.token_requests[-1]
    assert (form["grant_type"], form["resource"], form["scope"]) == ("refresh_token", RESOURCE, "portal:citizen")
    assert "client_secret" not in form


async def test_the_code_is_redeemed_with_verifier_and_client_key(login: LoginService, provider: FakeProvider) -> None:
    sent = await begin_login(login, provider)
    await session_after(login, sent)

    form, _ = provider.token_requests
    challenge = urlsafe_b64encode(sha256(form["code_verifier"].encode()).digest()).decode().rstrip("=")
    assert challenge == query_of(sent)["code_challenge"]
    assert (form["grant_type"], form["code"]) == ("authorization_code", CODE)
    assert "client_secret" not in form
    proof = jwt.decode(
        form["client_assertion"], ECKey.import_key(json.loads(client_key().read_text())), algorithms=["ES256"]
    )
    assert (proof.claims["iss"], proof.claims["sub"], proof.claims["aud"]) == (CLIENT, CLIENT, ISSUER)


@pytest.mark.parametrize(
    ("path", "target"), [("/", "/borger"), ("/borger/fuldmagter?vis=alle", "/borger/fuldmagter?vis=alle")]
)
async def test_a_login_redirects_to_the_requested_page(
    login: LoginService, provider: FakeProvider, path: str, target: str
) -> None:
    sent = await begin_login(login, provider, path=path)

    assert (await login.finish(sent.secret, callback_query(sent))).address == target


async def test_the_portal_decides_which_of_two_roles_is_used(login: LoginService, provider: FakeProvider) -> None:
    provider.userinfo |= {"signs_for": "99000015"}

    citizen = await session_after(login, await begin_login(login, provider, Role.CITIZEN))
    provider.refreshed.clear()
    employer = await session_after(login, await begin_login(login, provider, Role.EMPLOYER))

    assert (citizen.role, citizen.signatory) == (Role.CITIZEN, False)
    assert (employer.role, employer.organisation, employer.signatory) == (Role.EMPLOYER, "99000015", True)
    assert [form["scope"] for form in provider.token_requests if form["grant_type"] == "refresh_token"] == [
        "portal:citizen",
        "portal:employer",
    ]


async def test_a_person_without_the_role_gets_no_session_and_no_token(
    login: LoginService, provider: FakeProvider
) -> None:
    assert await problem_of(login, await begin_login(login, provider, Role.CASEWORKER)) == "login-role-missing"
    assert (provider.refreshed, provider.revoked) == ([], ["refresh-0"])


async def test_a_login_without_a_refresh_token_is_refused(login: LoginService, provider: FakeProvider) -> None:
    provider.answer = {"refresh_token": None}

    assert await problem_of(login, await begin_login(login, provider)) == "login-failed"


async def test_a_login_is_used_once(login: LoginService, provider: FakeProvider) -> None:
    sent = await begin_login(login, provider)
    await session_after(login, sent)

    assert await problem_of(login, sent) == "login-failed"
    assert len(provider.token_requests) == 2


async def test_a_login_cannot_be_completed_after_a_wrong_state(login: LoginService, provider: FakeProvider) -> None:
    sent = await begin_login(login, provider)

    assert await problem_of(login, sent, state="guessed") == "login-failed"
    assert await problem_of(login, sent) == "login-failed"
    assert provider.token_requests == []


async def test_a_response_in_another_browser_is_refused(login: LoginService, provider: FakeProvider) -> None:
    mine, theirs = await begin_login(login, provider), await begin_login(login, provider)

    with pytest.raises(ProblemError, match="login-failed"):
        await login.finish(mine.secret, callback_query(theirs))
    with pytest.raises(ProblemError, match="login-failed"):
        await login.finish("", callback_query(theirs))


@pytest.mark.parametrize("changes", [{"state": ""}, {"state": "\u00e6"}, {"iss": "https://other.test"}])
async def test_a_wrong_state_or_issuer_is_refused(
    login: LoginService, provider: FakeProvider, changes: dict[str, str]
) -> None:
    assert await problem_of(login, await begin_login(login, provider), **changes) == "login-failed"
    assert provider.token_requests == []


async def test_a_response_without_a_code_is_refused(login: LoginService, provider: FakeProvider) -> None:
    sent = await begin_login(login, provider)

    with pytest.raises(ProblemError, match="login-failed"):
        await login.finish(sent.secret, {"state": query_of(sent)["state"]})


async def test_a_login_has_a_time_limit(login: LoginService, provider: FakeProvider, clock: ManualClock) -> None:
    sent = await begin_login(login, provider)
    clock.advance(minutes=10)

    assert await problem_of(login, sent) == "login-failed"


async def test_a_person_can_cancel_a_login(login: LoginService, provider: FakeProvider) -> None:
    assert await problem_of(login, await begin_login(login, provider), error="access_denied") == "login-cancelled"


async def test_another_error_of_the_provider_is_a_failed_login(login: LoginService, provider: FakeProvider) -> None:
    sent = await begin_login(login, provider)

    with pytest.raises(ProblemError, match="login-failed"):
        await login.finish(sent.secret, {"state": query_of(sent)["state"], "error": "server_error"})


@pytest.mark.parametrize(
    "claims",
    [
        pytest.param({"nonce": "another"}, id="another nonce"),
        pytest.param({"nonce": None}, id="no nonce"),
        pytest.param({"iss": "https://other.test"}, id="another issuer"),
        pytest.param({"iss": None}, id="no issuer"),
        pytest.param({"aud": "another-client"}, id="another client"),
        pytest.param({"aud": "another-client", "azp": CLIENT}, id="another client, issued to us"),
        pytest.param({"aud": None}, id="no audience"),
        pytest.param({"exp": 1}, id="expired"),
        pytest.param({"exp": None}, id="no expiry"),
        pytest.param({"sub": None}, id="no subject"),
        pytest.param({"sub": "someone-else"}, id="another subject than in the userinfo"),
        pytest.param({"at_hash": "wrong"}, id="another access token"),
    ],
)
async def test_an_invalid_id_token_is_refused(
    login: LoginService, provider: FakeProvider, claims: dict[str, Any]
) -> None:
    provider.claims = claims

    assert await problem_of(login, await begin_login(login, provider)) == "login-failed"


async def test_a_forged_id_token_is_refused(login: LoginService, provider: FakeProvider) -> None:
    provider.signing_key = ECKey.generate_key("P-256", {"kid": "one"})

    assert await problem_of(login, await begin_login(login, provider)) == "login-failed"


async def test_a_response_without_an_id_token_is_refused(login: LoginService, provider: FakeProvider) -> None:
    provider.answer = {"id_token": None}

    assert await problem_of(login, await begin_login(login, provider)) == "login-failed"


async def test_the_provider_can_rotate_its_key(login: LoginService, provider: FakeProvider) -> None:
    await session_after(login, await begin_login(login, provider))
    provider.key = ECKey.generate_key("P-256", {"kid": "two", "use": "sig"})
    provider.refreshed.clear()

    assert (await session_after(login, await begin_login(login, provider))).name == CITIZEN["name"]


async def test_an_unknown_code_is_refused(login: LoginService, provider: FakeProvider) -> None:
    provider.status = 400

    assert await problem_of(login, await begin_login(login, provider)) == "login-failed"


async def test_while_the_provider_is_down_a_login_is_unavailable(login: LoginService, provider: FakeProvider) -> None:
    provider.down = True
    with pytest.raises(ProblemError) as caught:
        await login.begin(Role.CITIZEN, "/", reauthenticate=False)

    assert (caught.value.code, "Retry-After" in caught.value.headers) == ("login-unavailable", True)

    provider.down = False
    sent = await begin_login(login, provider)
    provider.down = True
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
    assert (await session_after(login, await begin_login(login, provider))).name == CITIZEN["name"]


async def test_a_login_under_way_is_stored_encrypted(
    login: LoginService, provider: FakeProvider, logins: MemorySessionStore
) -> None:
    sent = await begin_login(login, provider, path="/borger/fuldmagter")

    assert list(logins.records) == [key_of(sent.secret)]
    for readable in (sent.secret, query_of(sent)["state"], query_of(sent)["nonce"], "fuldmagter"):
        assert readable not in str(logins.records)


async def test_logout_leads_to_the_provider_and_back(login: LoginService, provider: FakeProvider) -> None:
    address = await login.provider.end_session_url("an.id.token", f"{PUBLIC_URL}/")

    assert address.startswith(f"{ISSUER}/end?")
    assert parse_qs(urlsplit(address).query) == {
        "id_token_hint": ["an.id.token"],
        "post_logout_redirect_uri": [f"{PUBLIC_URL}/"],
    }


@pytest.mark.parametrize("down", [True, False])
async def test_logout_works_without_the_provider(login: LoginService, provider: FakeProvider, down: bool) -> None:
    provider.down = down
    provider.metadata = {"end_session_endpoint": None}

    assert await login.provider.end_session_url("an.id.token", f"{PUBLIC_URL}/") == f"{PUBLIC_URL}/"
