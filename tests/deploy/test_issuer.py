"""The token issuer of the local system."""

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet
from starlette.testclient import TestClient

from deploy.local import keys, people
from deploy.local.config import REPOSITORY
from deploy.local.issuer import IssuerSettings, application

ISSUER = "http://issuer.example"
CLIENT_CREDENTIALS = {"grant_type": "client_credentials"}
EMPLOYER = ("employer-b", "local-employer-b")


@pytest.fixture
def issuer(tmp_path: Path) -> TestClient:
    path = tmp_path / "issuer.json"
    settings = IssuerSettings(environment="local", issuer=ISSUER, issuer_key=path)
    return TestClient(application(settings, keys.issuer_key(path), people.load()))


def verified(issuer: TestClient, token: str) -> jwt.Token:
    """The token as a service sees it: checked against the published keys."""
    published = KeySet.import_key_set(issuer.get("/jwks").json())
    return jwt.decode(token, published, algorithms=["ES256"])


def refusal(issuer: TestClient, **request: Any) -> tuple[int, str]:
    answer = issuer.post("/token", **request)
    return answer.status_code, answer.json()["error"]


def test_a_token_says_who_its_bearer_is(issuer: TestClient) -> None:
    answer = issuer.post("/token", data=CLIENT_CREDENTIALS, auth=EMPLOYER)
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    assert answer.json()["token_type"] == "Bearer"
    assert answer.json()["expires_in"] == 3600
    token = verified(issuer, answer.json()["access_token"])
    assert token.header["typ"] == "at+jwt"
    assert token.claims.pop("jti")
    issued = token.claims.pop("iat")
    assert abs(issued - time.time()) < 60
    assert token.claims == {
        "iss": ISSUER,
        "aud": "frikort-api",
        "sub": "employer-b",
        "client_id": "employer-b",
        "exp": issued + 3600,
        "scope": "frikort",
        "role": "employer",
        "cvr": "99000015",
        "owners": ["7512820107"],
    }


def test_the_secret_may_stand_in_the_form(issuer: TestClient) -> None:
    form = CLIENT_CREDENTIALS | {"client_id": "citizen-1", "client_secret": "local-citizen-1"}
    token = verified(issuer, issuer.post("/token", data=form).json()["access_token"])
    assert (token.claims["role"], token.claims["cpr"]) == ("citizen", "6101800101")


def test_refusals_are_those_of_rfc_6749(issuer: TestClient) -> None:
    assert refusal(issuer, data=CLIENT_CREDENTIALS) == (401, "invalid_client")
    assert refusal(issuer, data=CLIENT_CREDENTIALS, auth=("employer-b", "wrong")) == (401, "invalid_client")
    assert refusal(issuer, data=CLIENT_CREDENTIALS, auth=("nobody", "x")) == (401, "invalid_client")
    assert refusal(issuer, data=CLIENT_CREDENTIALS, headers={"Authorization": "Bearer x"}) == (401, "invalid_client")
    assert refusal(issuer, data=CLIENT_CREDENTIALS, headers={"Authorization": "Basic !"}) == (401, "invalid_client")
    assert refusal(issuer, data={"grant_type": "password"}, auth=EMPLOYER) == (400, "unsupported_grant_type")
    assert refusal(issuer, data=CLIENT_CREDENTIALS | {"scope": "admin"}, auth=EMPLOYER) == (400, "invalid_scope")
    both = CLIENT_CREDENTIALS | {"client_secret": "local-employer-b"}
    assert refusal(issuer, data=both, auth=EMPLOYER) == (400, "invalid_request")
    twice = b"grant_type=client_credentials&grant_type=client_credentials"
    assert refusal(issuer, content=twice, auth=EMPLOYER) == (400, "invalid_request")
    assert "Basic" in issuer.post("/token", data=CLIENT_CREDENTIALS).headers["www-authenticate"]


@pytest.mark.parametrize("name", ["oauth-authorization-server", "openid-configuration"])
def test_metadata(issuer: TestClient, name: str) -> None:
    metadata = issuer.get(f"/.well-known/{name}").json()
    assert metadata["issuer"] == ISSUER
    assert metadata["jwks_uri"] == f"{ISSUER}/jwks"


def test_no_private_key_is_published(issuer: TestClient) -> None:
    assert all("d" not in key for key in issuer.get("/jwks").json()["keys"])


def run_issuer(environment: dict[str, str], code: str = "import deploy.local.issuer as i; i.main()") -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | environment,
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def test_refuses_to_start_outside_a_local_environment(tmp_path: Path) -> None:
    settings = {"FRIKORT_ISSUER": ISSUER, "FRIKORT_ISSUER_KEY": str(tmp_path / "key.json")}
    code, said = run_issuer(settings | {"FRIKORT_ENVIRONMENT": "production"})
    assert code == 2
    assert "FRIKORT_ENVIRONMENT=local" in said
    assert not (tmp_path / "key.json").exists()


def test_needs_no_development_package() -> None:
    code, said = run_issuer(
        {}, "import sys, deploy.local.issuer, deploy.local.keys; print({'rich', 'docker', 'pytest'} & {*sys.modules})"
    )
    assert (code, said.strip()) == (0, "set()")
