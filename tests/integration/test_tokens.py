"""Who may call: a token of the issuer, for this API, in the right role. Everyone else learns and changes nothing."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey

from deploy.local import keys
from deploy.local.people import Person, Role
from tests.integration.scene import TODAY, Client, Job, World, accepted, refused


@pytest.fixture(scope="module")
def still(world: World) -> Job:
    return world.job()


@pytest.fixture(scope="module")
def seen(world: World, still: Job) -> dict[str, Any]:
    """What anyone sees before any of these tests."""
    world.on(TODAY)
    return still.all_views()


@pytest.fixture(autouse=True)
def _nothing_changes(still: Job, seen: dict[str, Any]) -> Iterator[None]:
    yield
    assert still.all_views() == seen


def claims_of(world: World, person: Person, **changes: Any) -> dict[str, Any]:
    now = int(time.time())
    claims = {
        "iss": world.system.provider_url,
        "aud": "frikort-api",
        "sub": person.id,
        "client_id": person.id,
        "iat": now,
        "exp": now + 600,
        "jti": str(uuid4()),
        **person.claims(),
        **changes,
    }
    return {name: value for name, value in claims.items() if value is not None}


def signed(world: World, claims: dict[str, Any], **header: Any) -> str:
    key = keys.signing_key(world.system.keys.provider_key)
    return jwt.encode({"alg": "ES256", "typ": "at+jwt", "kid": key.kid, **header}, claims, key)


def unsigned(world: World, person: Person) -> str:
    header = {"alg": "none", "typ": "at+jwt"}
    parts = [json.dumps(part).encode() for part in (header, claims_of(world, person))]
    return ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts) + "."


def confused(world: World, person: Person) -> str:
    """Signed with the public key as if it were a shared secret."""
    key = keys.signing_key(world.system.keys.provider_key)
    secret = OctKey.import_key(json.dumps(key.as_dict(private=False)).encode())
    return jwt.encode({"alg": "HS256", "typ": "at+jwt", "kid": key.kid}, claims_of(world, person), secret)


def forged(world: World, person: Person) -> str:
    """Signed with another key that claims to be the issuer's."""
    kid = str(keys.signing_key(world.system.keys.provider_key).kid)
    return world.token(person, key=ECKey.generate_key("P-256", {"kid": kid}))


def changed(world: World, person: Person) -> str:
    """A good token whose claims were changed afterwards."""
    header, _, signature = world.token(person).split(".")
    body = json.dumps(claims_of(world, person, cvr="10000009")).encode()
    return f"{header}.{base64.urlsafe_b64encode(body).decode().rstrip('=')}.{signature}"


MakeToken = Callable[[World, Person], str]
BAD_TOKENS: dict[str, MakeToken] = {
    "expired": lambda world, person: world.token(person, expires_in=-60),
    "of a foreign issuer": lambda world, person: world.token(person, issuer="https://elsewhere.example"),
    "for a foreign audience": lambda world, person: world.token(person, audience="another-api"),
    "forged": forged,
    "of an unknown key": lambda world, person: world.token(
        person, key=ECKey.generate_key("P-256", {"kid": "nobody's"})
    ),
    "changed": changed,
    "unsigned": unsigned,
    "signed with the public key": confused,
    "an id token": lambda world, person: signed(world, claims_of(world, person), typ="JWT"),
    "without a type": lambda world, person: signed(world, claims_of(world, person), typ=""),
    "not valid yet": lambda world, person: signed(world, claims_of(world, person, nbf=int(time.time()) + 600)),
    "that never expires": lambda world, person: signed(world, claims_of(world, person, exp=None)),
    "without a role": lambda world, person: signed(world, claims_of(world, person, role=None)),
    "of a role that is none": lambda world, person: signed(world, claims_of(world, person, role="minister")),
    "of an employer without a CVR number": lambda world, person: signed(world, claims_of(world, person, cvr=None)),
    "of an invalid CVR number": lambda world, person: signed(world, claims_of(world, person, cvr="12345678")),
    "with an owner whose CPR number is invalid": lambda world, person: signed(
        world, claims_of(world, person, owners=["6113801234"])
    ),
    "of a person, from more than a minute ago": lambda world, person: signed(
        world,
        claims_of(
            world, person, client_id="frikort-portal", auth_time=int(time.time()) - 61, iat=int(time.time()) - 61
        ),
    ),
    "garbage": lambda *_: "a.b.c",
}


@pytest.mark.parametrize("make", BAD_TOKENS.values(), ids=BAD_TOKENS.keys())
def test_an_invalid_token_is_refused(world: World, still: Job, make: MakeToken) -> None:
    token = make(world, still.employer.person)
    client = Client(world, still.employer.person, token)
    for answer in (
        client.get(still.path),
        client.post("/v1/reports", still.body()),
        client.get("/v1/allowances"),
    ):
        refused(answer, 401, "token-invalid")
        assert answer.headers["www-authenticate"].startswith("Bearer")
        assert token not in answer.content.decode()


@pytest.mark.parametrize(
    ("role", "claims"),
    [
        ("caseworker", {"municipality": "999"}),
        ("citizen", {"cpr": "6113801234"}),
        ("authority", {"authority": "nobody"}),
    ],
)
def test_a_token_for_an_unknown_organisation_is_refused(world: World, role: Role, claims: dict[str, str]) -> None:
    person = Person.model_construct(id=str(uuid4()), role=role, name="", about="", **claims)  # type: ignore[arg-type]
    refused(Client(world, person, signed(world, claims_of(world, person))).get("/v1/allowances"), 401, "token-invalid")


def test_a_request_without_a_token_is_refused(world: World, still: Job) -> None:
    client = Client(world, still.employer.person, "").without_token()
    for answer in (client.get(still.path), client.post("/v1/reports", still.body()), client.get("/v1/outcomes/x")):
        refused(answer, 401, "token-missing")
        assert answer.headers["www-authenticate"] == "Bearer"


def test_basic_authentication_is_refused(still: Job) -> None:
    basic = base64.b64encode(b"user:password").decode()
    answer = still.employer.raw("GET", still.path, headers={"Authorization": f"Basic {basic}"})
    refused(answer, 401, "token-missing")


def test_a_token_for_several_audiences_is_accepted(world: World, still: Job) -> None:
    claims = claims_of(world, still.employer.person, aud=["another-api", "frikort-api"])
    accepted(Client(world, still.employer.person, signed(world, claims)).get(still.path), 200)


@pytest.mark.parametrize("logged_in", [None, 3_700, -60], ids=["never", "an hour ago", "in the future"])
def test_an_old_login_cannot_hand_over_a_card_or_grant_a_mandate(
    world: World, still: Job, logged_in: int | None
) -> None:
    auth_time = None if logged_in is None else int(time.time()) - logged_in
    caseworker, citizen = (
        Client(world, one.person, signed(world, claims_of(world, one.person, auth_time=auth_time)))
        for one in (still.card.caseworker, still.card.owner)
    )
    for answer in (
        caseworker.post(f"{still.card.path}/hand-over", {"to_municipality": "849"}),
        caseworker.post(f"{still.card.path}/mandates", {}),
        citizen.post("/v1/me/mandates", {}),
    ):
        refused(answer, 401, "fresh-login-required")
        assert answer.headers["www-authenticate"].startswith('Bearer error="insufficient_user_authentication"')
    accepted(citizen.get("/v1/me/card"), 200)


@pytest.mark.parametrize("role", ["caseworker", "employer", "citizen", "authority"])
def test_each_operation_refuses_callers_in_other_roles(world: World, still: Job, role: Role) -> None:
    others = {
        "caseworker": world.caseworker(),
        "employer": still.employer,
        "citizen": still.card.owner,
        "authority": world.authority("skat"),
    }
    del others[role]
    asked = 0
    for path, item in world.documentation.document["paths"].items():
        for method, operation in item.items():
            if role not in operation.get("tags", ()):
                continue
            address = (
                path.format(
                    card_id=still.card.id,
                    employment_id=still.id,
                    report_id=uuid4(),
                    extract_id=uuid4(),
                    batch_id=uuid4(),
                    mandate_id=uuid4(),
                    file_format="csv",
                )
                if "{" in path
                else path
            )
            for client in others.values():
                answer = client.get(address) if method == "get" else client.send(method.upper(), address, {})
                refused(answer, 403, "role-not-allowed")
                asked += 1
    assert asked >= 12
