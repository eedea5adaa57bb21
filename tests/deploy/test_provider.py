"""The OpenID provider of the local system is a real one, and refuses to run in any other environment."""

from __future__ import annotations

import os
import subprocess
import sys
from base64 import urlsafe_b64encode
from collections.abc import Iterator, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet

from deploy.local import keys, people, provider, provider_config
from deploy.local.client import assertion, fetch_token
from deploy.local.config import REPOSITORY, default_cache
from deploy.local.keys import Keys
from deploy.local.ports import free_port
from deploy.local.process import Process
from deploy.local.progress import Silent
from deploy.local.system import answers_ready
from tests import tokens

PEOPLE = people.load()
CLIENT_CREDENTIALS = {"grant_type": "client_credentials"}
EMPLOYER = ("employer-b", "local-employer-b")
ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
PORTAL_URL = "http://portal.example"
VERIFIER = "v" * 43


class Running(NamedTuple):
    """A running provider and its keys."""

    url: str
    keys: Keys
    argv: list[str]
    environment: Mapping[str, str]

    def post(self, **request: Any) -> httpx2.Response:
        return httpx2.post(f"{self.url}/token", timeout=10, **request)

    def refusal(self, **request: Any) -> tuple[int, str]:
        answer = self.post(**request)
        return answer.status_code, answer.json()["error"]

    def verified(self, token: str, kind: str | None = "at+jwt") -> dict[str, Any]:
        """The claims of a token, verified with the published keys as a service does it."""
        published = KeySet.import_key_set(httpx2.get(f"{self.url}/jwks").json())
        decoded = jwt.decode(token, published, algorithms=["ES256"])
        assert decoded.header.get("typ") == kind
        return decoded.claims

    def private_key(self, client: str) -> ECKey:
        return keys.signing_key(self.keys.client_keys[client])


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    directory = tmp_path_factory.mktemp("provider")
    held = keys.load_or_create(directory / "keys")
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    environment = os.environ | {
        "FRIKORT_ENVIRONMENT": "local",
        "FRIKORT_HOST": "127.0.0.1",
        "FRIKORT_PORT": str(port),
        "FRIKORT_ISSUER": url,
        "FRIKORT_PROVIDER_KEY": str(held.provider_key),
        "FRIKORT_PROVIDER_CONFIG": str(provider_config.write(directory / "keys", held, PEOPLE, PORTAL_URL)),
    }
    argv = provider.install(default_cache(), directory / "openid", Silent())
    process = Process(
        "provider", argv, log=directory / "provider.log", environment=environment, ready=lambda: answers_ready(url)
    )
    process.start()
    try:
        process.wait_ready()
        yield Running(url, held, argv, environment)
        assert "6101800101" not in process.log_tail(1000)
    finally:
        assert process.terminate() == 0


@pytest.mark.parametrize("person", PEOPLE.values(), ids=PEOPLE.keys())
def test_a_token_has_the_same_claims_as_the_tokens_of_the_tests(running: Running, person: people.Person) -> None:
    key = running.private_key(person.id) if person.keyed else None
    claims = running.verified(fetch_token(running.url, person, key))
    made = tokens.issue(keys.signing_key(running.keys.provider_key), person, issuer=running.url)
    expected = running.verified(made)
    assert claims["exp"] - claims["iat"] == expected["exp"] - expected["iat"] == 3600
    assert claims.keys() == expected.keys()
    for each in ("jti", "iat", "exp", "auth_time"):
        assert each == "auth_time" or claims[each]
        claims.pop(each, None)
        expected.pop(each, None)
    assert claims == expected


def test_the_client_secret_is_accepted_in_the_form(running: Running) -> None:
    form = CLIENT_CREDENTIALS | {"client_id": "citizen-1", "client_secret": "local-citizen-1"}
    answer = running.post(data=form)
    assert answer.headers["cache-control"] == "no-store"
    assert answer.json()["token_type"] == "Bearer"
    claims = running.verified(answer.json()["access_token"])
    assert (claims["role"], claims["cpr"]) == ("citizen", "6101800101")


def test_errors_follow_rfc_6749(running: Running) -> None:
    assert running.refusal(data=CLIENT_CREDENTIALS, auth=("employer-b", "wrong")) == (401, "invalid_client")
    assert running.refusal(data=CLIENT_CREDENTIALS, auth=("unknown", "x")) == (401, "invalid_client")
    assert running.refusal(data=CLIENT_CREDENTIALS) == (400, "invalid_request")
    assert running.refusal(data={"grant_type": "password"}, auth=EMPLOYER) == (400, "unsupported_grant_type")
    both = CLIENT_CREDENTIALS | {"client_secret": "local-employer-b"}
    assert running.refusal(data=both, auth=EMPLOYER) == (400, "invalid_request")


def test_an_unknown_scope_is_not_granted(running: Running) -> None:
    answer = running.post(data=CLIENT_CREDENTIALS | {"scope": "admin frikort"}, auth=EMPLOYER)
    assert answer.json()["scope"] == running.verified(answer.json()["access_token"])["scope"] == "frikort"


def keyed(proof: str) -> dict[str, str]:
    return CLIENT_CREDENTIALS | {"client_assertion_type": ASSERTION, "client_assertion": proof}


def test_a_client_assertion_is_accepted_once(running: Running) -> None:
    proof = assertion(running.url, "payroll-a", running.private_key("payroll-a"))
    assert running.post(data=keyed(proof)).status_code == 200
    assert running.refusal(data=keyed(proof)) == (401, "invalid_client")


def test_a_program_with_a_key_authenticates_only_with_it(running: Running) -> None:
    another = ECKey.generate_key("P-256", {"kid": str(running.private_key("payroll-a").kid)})
    forged = assertion(running.url, "payroll-a", another)
    assert running.refusal(data=keyed(forged)) == (401, "invalid_client")
    elsewhere = assertion("https://elsewhere.example", "payroll-a", running.private_key("payroll-a"))
    assert running.refusal(data=keyed(elsewhere)) == (401, "invalid_client")
    assert running.refusal(data=CLIENT_CREDENTIALS, auth=("payroll-a", "local-payroll-a")) == (401, "invalid_client")


def test_the_discovery_document(running: Running) -> None:
    metadata = httpx2.get(f"{running.url}/.well-known/openid-configuration").json()
    assert metadata["issuer"] == running.url
    assert metadata["jwks_uri"] == f"{running.url}/jwks"
    assert metadata["code_challenge_methods_supported"] == ["S256"]
    assert metadata["response_types_supported"] == ["code"]


def test_no_private_key_is_published(running: Running) -> None:
    published = httpx2.get(f"{running.url}/jwks").json()["keys"]
    assert published
    assert all("d" not in key for key in published)


class Browser(httpx2.Client):
    """A browser at the provider; it stops at a redirect to another site."""

    def __init__(self, running: Running) -> None:
        super().__init__(base_url=running.url, timeout=10)

    def asks(self, **changes: str | None) -> httpx2.Response:
        """Start a login as the portal does."""
        challenge = urlsafe_b64encode(sha256(VERIFIER.encode()).digest()).decode().rstrip("=")
        asked = {
            "client_id": keys.PORTAL,
            "response_type": "code",
            "redirect_uri": PORTAL_URL + provider_config.CALLBACK,
            "scope": "openid person",
            "state": "state",
            "nonce": "nonce",
            "code_challenge": challenge,
            "code_challenge_method": "S256",
            **changes,
        }
        return self.get("/auth", params={name: value for name, value in asked.items() if value is not None})

    def chooses(self, person: str, **changes: str) -> dict[str, list[str]]:
        """Choose a person and follow the redirects; returns the query parameters that the portal receives."""
        page = self.asks(**changes).headers["location"]
        answer = self.post(page, data={"person": person})
        while (place := answer.headers["location"]).startswith((str(self.base_url), "/")):
            answer = self.get(place)
        assert place.startswith(PORTAL_URL + provider_config.CALLBACK)
        return parse_qs(urlsplit(place).query)


@pytest.fixture
def browser(running: Running) -> Iterator[Browser]:
    with Browser(running) as browser:
        yield browser


def test_all_people_but_no_program_can_be_chosen(browser: Browser) -> None:
    page = browser.get(browser.asks().headers["location"])
    assert page.headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in page.headers["content-security-policy"]
    for person in PEOPLE.values():
        assert (f'value="{person.id}"' in page.text) is not person.program, person.id


def test_the_chosen_person_is_logged_in(running: Running, browser: Browser) -> None:
    received = browser.chooses("citizen-4")
    assert received["state"] == ["state"]
    assert received["iss"] == [running.url]

    proof = assertion(running.url, keys.PORTAL, running.private_key(keys.PORTAL))
    form = {
        "grant_type": "authorization_code",
        "code": received["code"][0],
        "redirect_uri": PORTAL_URL + provider_config.CALLBACK,
        "code_verifier": VERIFIER,
        "client_assertion_type": ASSERTION,
        "client_assertion": proof,
    }
    answer = running.post(data=form).json()
    identity = httpx2.get(f"{running.url}/me", headers={"Authorization": f"Bearer {answer['access_token']}"}).json()

    assert identity == {"sub": "citizen-4", **PEOPLE["citizen-4"].identity()}
    proven = running.verified(answer["id_token"], kind=None)
    assert (proven["sub"], proven["nonce"], proven["aud"]) == ("citizen-4", "nonce", keys.PORTAL)
    assert proven.keys().isdisjoint(PEOPLE["citizen-4"].identity())


def redeem(running: Running, **form: str) -> httpx2.Response:
    """The response of the token endpoint to the portals."""
    proof = assertion(running.url, keys.PORTAL, running.private_key(keys.PORTAL))
    return running.post(data={"client_assertion_type": ASSERTION, "client_assertion": proof, **form})


def refresh(running: Running, refresh_token: str, role: str) -> httpx2.Response:
    """The response to the portals, which refresh a person's token for the API in a role."""
    wanted = {"scope": f"portal:{role}", "resource": "urn:frikort:api"}
    return redeem(running, grant_type="refresh_token", refresh_token=refresh_token, **wanted)


def test_a_withdrawn_role_ends_with_the_token(running: Running, browser: Browser) -> None:
    wanted = {"scope": "openid person portal:employer portal:citizen", "resource": "urn:frikort:api"}
    code = browser.chooses("owner-a", **wanted)["code"][0]
    form = {"redirect_uri": PORTAL_URL + provider_config.CALLBACK, "code_verifier": VERIFIER}
    login = redeem(running, grant_type="authorization_code", code=code, **form).json()
    refreshed = refresh(running, login["refresh_token"], "employer").json()
    claims = running.verified(refreshed["access_token"])
    assert (claims["role"], claims["exp"] - claims["iat"]) == ("employer", 60)
    assert claims["iat"] - claims["auth_time"] < 30

    person = {"person": "owner-a", "role": "employer"}
    assert httpx2.post(f"{running.url}/admin/withdraw", data=person).status_code == 204
    try:
        refused = refresh(running, refreshed["refresh_token"], "employer")
        assert (refused.status_code, refused.json()["error"]) == (400, "invalid_grant")
        me = httpx2.get(f"{running.url}/me", headers={"Authorization": f"Bearer {login['access_token']}"}).json()
        assert me.keys().isdisjoint({"cvr", "signs_for", "owners"})
        assert me["cpr"] == PEOPLE["owner-a"].cpr
    finally:
        httpx2.post(f"{running.url}/admin/restore", data=person)


@pytest.mark.parametrize(
    ("action", "form"),
    [("withdraw", {"person": "unknown", "role": "citizen"}), ("withdraw", {"person": "citizen-1"}), ("logout", {})],
)
def test_an_unknown_person_or_role_is_not_administered(running: Running, action: str, form: dict[str, str]) -> None:
    assert httpx2.post(f"{running.url}/admin/{action}", data=form).status_code == 400


def test_a_page_of_another_site_administers_nothing(running: Running) -> None:
    form = {"person": "citizen-1", "role": "citizen"}
    answer = httpx2.post(f"{running.url}/admin/withdraw", data=form, headers={"Origin": "https://elsewhere.example"})
    assert answer.status_code == 400


def test_a_login_lasts_until_another_person_is_chosen(browser: Browser) -> None:
    browser.chooses("citizen-1")
    assert "code=" in browser.asks().headers["location"]

    assert "code" in browser.chooses("citizen-2", prompt="login")


@pytest.mark.parametrize("person", ["", "employer-a", "unknown"])
def test_only_listed_people_can_be_chosen(browser: Browser, person: str) -> None:
    assert browser.chooses(person)["error"] == ["access_denied"]


def test_a_login_needs_a_code_challenge(browser: Browser) -> None:
    answer = browser.asks(code_challenge=None, code_challenge_method=None)
    assert parse_qs(urlsplit(answer.headers["location"]).query)["error"] == ["invalid_request"]


def test_a_login_redirects_to_no_other_site(browser: Browser) -> None:
    answer = browser.asks(redirect_uri="https://elsewhere.example/")
    assert (answer.status_code, answer.headers.get("location")) == (400, None)


def test_without_a_started_login_no_person_is_shown(browser: Browser) -> None:
    assert browser.get("/people/made-up").status_code == 400


def test_refuses_to_start_outside_a_local_environment(running: Running) -> None:
    for environment in ("production", ""):
        done = subprocess.run(
            running.argv,
            env={**running.environment, "FRIKORT_ENVIRONMENT": environment},
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )
        assert done.returncode == 2
        assert "FRIKORT_ENVIRONMENT=local" in done.stderr


def test_creating_the_keys_needs_no_development_package() -> None:
    without = "import sys; sys.modules.update(dict.fromkeys(('rich', 'docker', 'pytest')))"
    code = f"{without}; import deploy.local.provider_config"
    done = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_its_configuration_is_readable_by_its_owner_only(tmp_path: Path) -> None:
    path = provider_config.write(tmp_path, keys.load_or_create(tmp_path), PEOPLE, PORTAL_URL)
    assert path.stat().st_mode & 0o077 == 0
    assert '"d":' not in path.read_text()
