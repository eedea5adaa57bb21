"""To the OpenID provider and back: who gets a session, and everyone who gets none."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey

from services.gateway.auth import Role
from services.gateway.problems import ProblemError
from services.portals.login.service import LoginService, Redirect
from services.portals.login.session import Session
from services.portals.login.session_store import key_of
from tests.gateway.build import PUBLIC_URL, client_key, persons
from tests.portals.login.fakes import CITIZEN, CLIENT, CODE, ISSUER, FakeProvider, HandClock, MemorySessionStore, desk


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def provider() -> FakeProvider:
    return FakeProvider()


@pytest.fixture
def begun() -> MemorySessionStore:
    return MemorySessionStore()


@pytest.fixture
def here(provider: FakeProvider, clock: HandClock, begun: MemorySessionStore) -> LoginService:
    return desk(provider, clock, begun)


def asked(sent: Redirect) -> dict[str, str]:
    """What the provider is asked for."""
    return {name: values[0] for name, values in parse_qs(urlsplit(sent.address).query).items()}


async def sent_by(here: LoginService, provider: FakeProvider, role: Role = Role.CITIZEN, path: str = "/") -> Redirect:
    sent = await here.send(role, path, anew=False)
    provider.nonce = asked(sent)["nonce"]
    return sent


def answer_to(sent: Redirect, **changes: str) -> dict[str, str]:
    return {"code": CODE, "state": asked(sent)["state"], "iss": ISSUER, **changes}


async def session_after(here: LoginService, sent: Redirect, **changes: str) -> Session:
    received = await here.receive(sent.secret, answer_to(sent, **changes))
    session = await here.sessions.find(received.secret)
    assert session is not None
    return session


async def problem_of(here: LoginService, sent: Redirect, **changes: str) -> str:
    with pytest.raises(ProblemError) as caught:
        await here.receive(sent.secret, answer_to(sent, **changes))
    return caught.value.code


async def test_the_provider_is_asked_by_the_book(here: LoginService, provider: FakeProvider) -> None:
    question = asked(await sent_by(here, provider))

    assert question.pop("state") != question.pop("nonce")
    assert len(question.pop("code_challenge")) == 43
    assert question == {
        "response_type": "code",
        "client_id": CLIENT,
        "redirect_uri": f"{PUBLIC_URL}/login/callback",
        "scope": "openid person",
        "code_challenge_method": "S256",
    }


async def test_someone_else_is_let_in_by_asking_anew(here: LoginService) -> None:
    assert asked(await here.send(Role.CITIZEN, "/", anew=True))["prompt"] == "login"


async def test_who_comes_back_has_a_session(here: LoginService, provider: FakeProvider) -> None:
    sent = await sent_by(here, provider)

    session = await session_after(here, sent)

    assert (session.caller.role, session.caller.subject) == (Role.CITIZEN, "citizen-1")
    assert session.caller.organisation == persons().cpr_hash(CITIZEN["cpr"])
    assert session.name == CITIZEN["name"]


async def test_the_code_is_paid_for_with_the_verifier_and_the_key(here: LoginService, provider: FakeProvider) -> None:
    sent = await sent_by(here, provider)
    await session_after(here, sent)

    [form] = provider.asked
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
async def test_they_go_on_where_they_wanted(
    here: LoginService, provider: FakeProvider, path: str, goes_to: str
) -> None:
    sent = await sent_by(here, provider, path=path)

    assert (await here.receive(sent.secret, answer_to(sent))).address == goes_to


async def test_the_door_says_which_of_two_roles(here: LoginService, provider: FakeProvider) -> None:
    provider.userinfo |= {"signs_for": "99000015", "owners": [CITIZEN["cpr"]]}

    citizen = await session_after(here, await sent_by(here, provider, Role.CITIZEN))
    employer = await session_after(here, await sent_by(here, provider, Role.EMPLOYER))

    assert (citizen.caller.role, citizen.signatory) == (Role.CITIZEN, False)
    assert (employer.caller.organisation, employer.signatory) == ("99000015", True)
    assert employer.caller.owners == (citizen.caller.organisation,)


async def test_a_door_that_is_not_theirs_stays_shut(here: LoginService, provider: FakeProvider) -> None:
    assert await problem_of(here, await sent_by(here, provider, Role.CASEWORKER)) == "login-role-missing"


async def test_a_login_is_used_once(here: LoginService, provider: FakeProvider) -> None:
    sent = await sent_by(here, provider)
    await session_after(here, sent)

    assert await problem_of(here, sent) == "login-failed"
    assert len(provider.asked) == 1


async def test_a_wrong_answer_uses_it_up(here: LoginService, provider: FakeProvider) -> None:
    sent = await sent_by(here, provider)

    assert await problem_of(here, sent, state="guessed") == "login-failed"
    assert await problem_of(here, sent) == "login-failed"
    assert provider.asked == []


async def test_an_answer_in_another_browser_is_no_login(here: LoginService, provider: FakeProvider) -> None:
    mine, theirs = await sent_by(here, provider), await sent_by(here, provider)

    with pytest.raises(ProblemError, match="login-failed"):
        await here.receive(mine.secret, answer_to(theirs))
    with pytest.raises(ProblemError, match="login-failed"):
        await here.receive("", answer_to(theirs))


@pytest.mark.parametrize("changes", [{"state": ""}, {"state": "\u00e6"}, {"iss": "https://other.test"}])
async def test_a_wrong_state_or_issuer(here: LoginService, provider: FakeProvider, changes: dict[str, str]) -> None:
    assert await problem_of(here, await sent_by(here, provider), **changes) == "login-failed"
    assert provider.asked == []


async def test_an_answer_without_a_code(here: LoginService, provider: FakeProvider) -> None:
    sent = await sent_by(here, provider)

    with pytest.raises(ProblemError, match="login-failed"):
        await here.receive(sent.secret, {"state": asked(sent)["state"]})


async def test_it_may_not_take_for_ever(here: LoginService, provider: FakeProvider, clock: HandClock) -> None:
    sent = await sent_by(here, provider)
    clock.pass_by(minutes=10)

    assert await problem_of(here, sent) == "login-failed"


async def test_who_gives_up_has_cancelled(here: LoginService, provider: FakeProvider) -> None:
    assert await problem_of(here, await sent_by(here, provider), error="access_denied") == "login-cancelled"


async def test_any_other_refusal_of_the_provider_is_a_failure(here: LoginService, provider: FakeProvider) -> None:
    sent = await sent_by(here, provider)

    with pytest.raises(ProblemError, match="login-failed"):
        await here.receive(sent.secret, {"state": asked(sent)["state"], "error": "server_error"})


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
async def test_an_id_token_that_is_not_good(here: LoginService, provider: FakeProvider, claims: dict[str, Any]) -> None:
    provider.claims = claims

    assert await problem_of(here, await sent_by(here, provider)) == "login-failed"


async def test_a_forged_id_token(here: LoginService, provider: FakeProvider) -> None:
    provider.signing_key = ECKey.generate_key("P-256", {"kid": "one"})

    assert await problem_of(here, await sent_by(here, provider)) == "login-failed"


async def test_no_id_token(here: LoginService, provider: FakeProvider) -> None:
    provider.answer = {"id_token": None}

    assert await problem_of(here, await sent_by(here, provider)) == "login-failed"


async def test_the_provider_may_change_its_key(here: LoginService, provider: FakeProvider) -> None:
    await session_after(here, await sent_by(here, provider))
    provider.key = ECKey.generate_key("P-256", {"kid": "two", "use": "sig"})

    assert (await session_after(here, await sent_by(here, provider))).name == CITIZEN["name"]


async def test_a_code_that_the_provider_does_not_know(here: LoginService, provider: FakeProvider) -> None:
    provider.status = 400

    assert await problem_of(here, await sent_by(here, provider)) == "login-failed"


async def test_a_provider_that_is_away_stops_nothing_but_logging_on(here: LoginService, provider: FakeProvider) -> None:
    provider.away = True
    with pytest.raises(ProblemError) as caught:
        await here.send(Role.CITIZEN, "/", anew=False)

    assert (caught.value.code, "Retry-After" in caught.value.headers) == ("login-unavailable", True)

    provider.away = False
    sent = await sent_by(here, provider)
    provider.away = True
    assert await problem_of(here, sent) == "login-unavailable"


@pytest.mark.parametrize(
    "metadata", [{"issuer": "https://other.test"}, {"token_endpoint": None}, {"userinfo_endpoint": None}]
)
async def test_a_provider_that_describes_itself_wrongly_is_asked_again_later(
    here: LoginService, provider: FakeProvider, metadata: dict[str, Any]
) -> None:
    provider.metadata = metadata
    with pytest.raises(ProblemError, match="login-unavailable"):
        await here.send(Role.CITIZEN, "/", anew=False)

    provider.metadata = {}
    assert (await session_after(here, await sent_by(here, provider))).name == CITIZEN["name"]


async def test_a_login_under_way_can_be_read_by_nobody(
    here: LoginService, provider: FakeProvider, begun: MemorySessionStore
) -> None:
    sent = await sent_by(here, provider, path="/borger/fuldmagter")

    assert list(begun.kept) == [key_of(sent.secret)]
    for readable in (sent.secret, asked(sent)["state"], asked(sent)["nonce"], "fuldmagter"):
        assert readable not in str(begun.kept)


async def test_goodbye_leads_to_the_providers_and_back(here: LoginService, provider: FakeProvider) -> None:
    address = await here.provider.end_session_url("an.id.token", f"{PUBLIC_URL}/")

    assert address.startswith(f"{ISSUER}/end?")
    assert parse_qs(urlsplit(address).query) == {
        "id_token_hint": ["an.id.token"],
        "post_logout_redirect_uri": [f"{PUBLIC_URL}/"],
    }


@pytest.mark.parametrize("away", [True, False])
async def test_goodbye_goes_without_the_provider(here: LoginService, provider: FakeProvider, away: bool) -> None:
    provider.away = away
    provider.metadata = {"end_session_endpoint": None}

    assert await here.provider.end_session_url("an.id.token", f"{PUBLIC_URL}/") == f"{PUBLIC_URL}/"
