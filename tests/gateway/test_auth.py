"""Access tokens: which are accepted, and which are refused."""

from __future__ import annotations

import asyncio
import hmac
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable
from typing import Any, Final

import httpx2
import pytest
from frikort_contracts.http.roles import Role
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, RSAKey

from services.gateway.auth import Authenticator
from services.gateway.problems import ProblemError

ISSUER: Final = "https://issuer.test"
AUDIENCE: Final = "frikort"
KEY: Final = ECKey.generate_key("P-256", {"kid": "one"})
OTHER: Final = ECKey.generate_key("P-256", {"kid": "one"})
RSA: Final = RSAKey.generate_key(2048, {"kid": "rsa"})


class Issuer:
    """The issuer's keys, and how often they were fetched."""

    def __init__(self, *keys: Any) -> None:
        self.keys = list(keys)
        self.fetches = 0
        self.unreachable = False
        self.answers = asyncio.Event()
        self.answers.set()

    async def fetch(self) -> dict[str, Any]:
        self.fetches += 1
        await asyncio.sleep(0)
        await self.answers.wait()
        if self.unreachable:
            raise httpx2.ConnectError("unreachable")
        return dict(KeySet(self.keys).as_dict())


def authenticator(issuer: Issuer) -> Authenticator:
    return Authenticator(
        issuer=ISSUER,
        audience=AUDIENCE,
        fetch_keys=issuer.fetch,
        cpr_hashes=lambda cpr: (f"hash of {cpr}",),
        refresh=600,
    )


def token(key: Any = KEY, header: dict[str, Any] | None = None, **changes: Any) -> str:
    claims: dict[str, Any] = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": "someone",
        "client_id": "portal",
        "exp": int(time.time()) + 60,
        "role": "employer",
        "cvr": "99000007",
        **changes,
    }
    kept = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode({"alg": "ES256", "typ": "at+jwt", "kid": "one", **(header or {})}, kept, key)


async def problem_of(authorization: str | None, issuer: Issuer | None = None) -> str:
    with pytest.raises(ProblemError) as caught:
        await authenticator(issuer or Issuer(KEY)).caller(authorization)
    assert caught.value.code == "temporarily-unavailable" or "WWW-Authenticate" in caught.value.headers
    return caught.value.code


async def test_an_employer_token_is_accepted() -> None:
    caller = await authenticator(Issuer(KEY)).caller(f"Bearer {token(owners=['6101800101'])}")

    assert (caller.role, caller.organisation, caller.subject) == (Role.EMPLOYER, "99000007", "someone")
    assert caller.owners == ("hash of 6101800101",)


async def test_the_time_of_the_login_is_known_for_a_person_only() -> None:
    logged_in = token(auth_time=1_700_000_000, iat=time.time())
    person = await authenticator(Issuer(KEY)).caller(f"Bearer {logged_in}")
    program = await authenticator(Issuer(KEY)).caller(f"Bearer {token()}")

    assert (person.logged_in_at, program.logged_in_at) == (1_700_000_000, None)


@pytest.mark.parametrize("age", [0, 58, -28])
async def test_a_persons_token_is_accepted_in_its_first_minute(age: float) -> None:
    accepted = token(auth_time=1_700_000_000, iat=time.time() - age, exp=time.time() + 3600)

    assert (await authenticator(Issuer(KEY)).caller(f"Bearer {accepted}")).subject == "someone"


@pytest.mark.parametrize("age", [61, -40, None])
async def test_a_persons_token_is_refused_after_a_minute_whatever_its_expiry(age: float | None) -> None:
    issued = None if age is None else time.time() - age
    refused = token(auth_time=1_700_000_000, iat=issued, exp=time.time() + 3600)

    assert await problem_of(f"Bearer {refused}") == "token-invalid"


async def test_a_persons_token_that_was_verified_before_is_refused_after_a_minute(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    verifier, now = authenticator(Issuer(KEY)), time.time()
    accepted = token(auth_time=now, iat=now, exp=now + 3600)
    await verifier.caller(f"Bearer {accepted}")

    monkeypatch.setattr("services.gateway.auth.time.time", lambda: now + 61)
    with pytest.raises(ProblemError, match="token-invalid"):
        await verifier.caller(f"Bearer {accepted}")


async def test_a_programs_token_is_accepted_until_it_expires() -> None:
    old = token(sub="payroll", client_id="payroll", iat=time.time() - 1800, exp=time.time() + 1800)

    assert (await authenticator(Issuer(KEY)).caller(f"Bearer {old}")).subject == "payroll"


async def test_a_citizen_is_identified_by_a_hash() -> None:
    caller = await authenticator(Issuer(KEY)).caller(f"bearer {token(role='citizen', cvr=None, cpr='610180-0101')}")

    assert caller.organisation == "hash of 6101800101"
    assert "6101800101" not in caller.client.replace("hash of 6101800101", "")


async def test_rs256_and_several_audiences_are_accepted() -> None:
    signed = token(RSA, {"alg": "RS256", "kid": "rsa"}, aud=["else", AUDIENCE])

    assert (await authenticator(Issuer(KEY, RSA)).caller(f"Bearer {signed}")).subject == "someone"


@pytest.mark.parametrize("authorization", [None, "", "Bearer", "Bearer ", "Basic Zm9v"])
async def test_a_missing_or_malformed_token_is_refused(authorization: str | None) -> None:
    assert await problem_of(authorization) == "token-missing"


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"exp": int(time.time()) - 1}, id="expired"),
        pytest.param({"exp": None}, id="without end"),
        pytest.param({"exp": "never"}, id="end is no time"),
        pytest.param({"exp": True}, id="end is true"),
        pytest.param({"nbf": int(time.time()) + 3600}, id="not yet"),
        pytest.param({"iss": "https://foreign.test"}, id="foreign issuer"),
        pytest.param({"aud": "another"}, id="other audience"),
        pytest.param({"aud": None}, id="no audience"),
        pytest.param({"sub": None}, id="no subject"),
        pytest.param({"sub": "6101800101"}, id="a CPR number as subject"),
        pytest.param({"client_id": None}, id="no client"),
        pytest.param({"role": None}, id="no role"),
        pytest.param({"role": "king"}, id="unknown role"),
        pytest.param({"cvr": None}, id="no organisation"),
        pytest.param({"cvr": "12345678"}, id="no CVR number"),
        pytest.param({"role": "caseworker", "municipality": "999"}, id="no municipality"),
        pytest.param({"role": "caseworker"}, id="the organisation of another role"),
        pytest.param({"role": "authority", "authority": "kgb"}, id="unknown authority"),
        pytest.param({"owners": ["nobody"]}, id="an owner without CPR number"),
    ],
)
async def test_a_token_with_wrong_claims_is_refused(changes: dict[str, Any]) -> None:
    assert await problem_of(f"Bearer {token(**changes)}") == "token-invalid"


@pytest.mark.parametrize(
    ("refused", "reason"),
    [
        pytest.param(lambda: token(header={"typ": "JWT"}), "typ", id="type"),
        pytest.param(lambda: token(iss="https://foreign.test"), "iss", id="issuer"),
        pytest.param(lambda: token(aud="another"), "aud", id="audience"),
        pytest.param(lambda: token(nbf=int(time.time()) + 3600), "nbf", id="not yet"),
        pytest.param(lambda: token(exp=int(time.time()) - 1), "exp", id="expired"),
        pytest.param(lambda: token(auth_time=1_700_000_000, iat=None), "iat", id="a person's, without its time"),
        pytest.param(lambda: token(sub="6101800101"), "sub", id="a CPR number as subject"),
        pytest.param(lambda: token(cvr=None), "organisation", id="no organisation"),
        pytest.param(lambda: token(owners=["6101800101", "x"]), "owners", id="an owner without CPR number"),
        pytest.param(lambda: token(OTHER), "signature", id="forged"),
        pytest.param(lambda: token(OTHER, {"kid": "unknown"}), "kid", id="unknown key"),
        pytest.param(lambda: "a.b.c", "encoding", id="no token"),
    ],
)
async def test_the_log_gets_the_reason_and_no_word_of_the_token(refused: Callable[[], str], reason: str) -> None:
    with pytest.raises(ProblemError) as caught:
        await authenticator(Issuer(KEY)).caller(f"Bearer {refused()}")
    assert caught.value.log_reason == reason


@pytest.mark.parametrize("typ", ["JWT", "id+jwt", ""])
async def test_a_token_of_another_type_is_refused(typ: str) -> None:
    assert await problem_of(f"Bearer {token(header={'typ': typ})}") == "token-invalid"


async def test_a_token_with_a_forged_signature_is_refused() -> None:
    assert await problem_of(f"Bearer {token(OTHER)}") == "token-invalid"


@pytest.mark.parametrize(
    "header",
    [
        pytest.param({"jwk": OTHER.as_dict(private=False)}, id="jwk"),
        pytest.param({"jku": "https://evil.test/jwks"}, id="jku"),
        pytest.param({"x5u": "https://evil.test/certificate"}, id="x5u"),
    ],
)
async def test_a_key_that_the_token_brings_along_is_not_used(header: dict[str, Any]) -> None:
    assert await problem_of(f"Bearer {token(OTHER, header)}") == "token-invalid"


def part(raw: bytes) -> str:
    return urlsafe_b64encode(raw).decode().rstrip("=")


async def test_an_unsigned_token_is_refused() -> None:
    _, claims, _ = token().split(".")
    unsigned = part(b'{"alg":"none","typ":"at+jwt","kid":"one"}')

    assert await problem_of(f"Bearer {unsigned}.{claims}.") == "token-invalid"


async def test_a_token_signed_with_the_public_key_as_a_secret_is_refused() -> None:
    _, claims, _ = token().split(".")
    signed = part(b'{"alg":"HS256","typ":"at+jwt","kid":"one"}') + "." + claims
    mac = hmac.new(KEY.as_pem(private=False), signed.encode(), "sha256").digest()

    assert await problem_of(f"Bearer {signed}.{part(mac)}") == "token-invalid"


@pytest.mark.parametrize("garbage", ["x", "a.b.c", "e30.e30.e30", "\u00e6\u00f8\u00e5.\u00e6.\u00f8", "." * 500])
async def test_malformed_text_is_refused_as_a_token(garbage: str) -> None:
    assert await problem_of(f"Bearer {garbage}") == "token-invalid"


async def test_keys_are_fetched_once() -> None:
    issuer = Issuer(KEY)
    verifier = authenticator(issuer)

    for _ in range(3):
        await verifier.caller(f"Bearer {token()}")

    assert issuer.fetches == 1


async def test_simultaneous_first_requests_wait_for_one_fetch_of_the_keys() -> None:
    issuer = Issuer(KEY)
    verifier = authenticator(issuer)

    callers = await asyncio.gather(*(verifier.caller(f"Bearer {token(sub=f'{n}')}") for n in range(20)))

    assert [caller.subject for caller in callers] == [f"{n}" for n in range(20)]
    assert issuer.fetches == 1


async def test_simultaneous_requests_with_a_new_key_wait_for_one_fetch(monkeypatch: pytest.MonkeyPatch) -> None:
    issuer = Issuer(KEY)
    verifier = authenticator(issuer)
    await verifier.caller(f"Bearer {token()}")
    new = ECKey.generate_key("P-256", {"kid": "two"})
    issuer.keys = [KEY, new]
    monkeypatch.setattr(verifier, "_tried_at", float("-inf"))

    await asyncio.gather(*(verifier.caller(f"Bearer {token(new, {'kid': 'two'})}") for _ in range(20)))

    assert issuer.fetches == 2


async def test_known_keys_serve_while_they_are_fetched_again(monkeypatch: pytest.MonkeyPatch) -> None:
    issuer = Issuer(KEY)
    verifier = authenticator(issuer)
    await verifier.caller(f"Bearer {token()}")
    monkeypatch.setattr(verifier, "_refresh", 0.0)
    issuer.answers.clear()

    waiting = asyncio.create_task(verifier.caller(f"Bearer {token()}"))
    await asyncio.sleep(0)
    assert (await verifier.caller(f"Bearer {token()}")).subject == "someone"
    assert not waiting.done()
    issuer.answers.set()
    assert (await waiting).subject == "someone"


async def test_without_keys_the_process_is_not_ready() -> None:
    issuer = Issuer(KEY)
    issuer.unreachable = True
    verifier = authenticator(issuer)
    with pytest.raises(ConnectionError, match="keys could not be fetched"):
        await verifier.check_keys()

    verifier, issuer.unreachable = authenticator(issuer), False
    await verifier.check_keys()
    issuer.unreachable = True
    await verifier.check_keys()


async def test_a_caller_that_gives_up_does_not_end_the_fetch_of_the_keys() -> None:
    issuer = Issuer(KEY)
    issuer.answers.clear()
    verifier = authenticator(issuer)
    for _ in range(2):  # as the check of readiness does when the issuer takes longer than the check
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(verifier.check_keys(), timeout=0.01)
    issuer.answers.set()
    await verifier.check_keys()
    assert issuer.fetches == 1


async def test_an_unknown_key_id_refreshes_the_keys_at_most_every_few_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    issuer = Issuer(KEY)
    verifier = authenticator(issuer)
    await verifier.caller(f"Bearer {token()}")
    new = ECKey.generate_key("P-256", {"kid": "two"})
    issuer.keys = [KEY, new]
    signed = token(new, {"kid": "two"})

    with pytest.raises(ProblemError, match="token-invalid"):
        await verifier.caller(f"Bearer {signed}")
    assert issuer.fetches == 1

    monkeypatch.setattr("services.gateway.auth._PAUSE_BETWEEN_REFRESHES", 0.0)
    assert (await verifier.caller(f"Bearer {signed}")).subject == "someone"
    assert issuer.fetches == 2


async def test_cached_keys_are_used_while_the_issuer_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    issuer = Issuer(KEY)
    issuer.unreachable = True
    assert await problem_of(f"Bearer {token()}", issuer) == "temporarily-unavailable"

    issuer.unreachable = False
    verifier = authenticator(issuer)
    await verifier.caller(f"Bearer {token()}")
    issuer.unreachable = True
    monkeypatch.setattr(verifier, "_refresh", 0.0)
    assert (await verifier.caller(f"Bearer {token()}")).subject == "someone"


async def test_a_cached_token_expires(monkeypatch: pytest.MonkeyPatch) -> None:
    verifier = authenticator(Issuer(KEY))
    signed = f"Bearer {token(exp=int(time.time()) + 60)}"
    await verifier.caller(signed)

    later = time.time() + 61
    monkeypatch.setattr(time, "time", lambda: later)

    with pytest.raises(ProblemError, match="token-invalid"):
        await verifier.caller(signed)


async def test_a_cached_token_is_refused_after_its_key_is_revoked(monkeypatch: pytest.MonkeyPatch) -> None:
    issuer = Issuer(KEY)
    verifier = authenticator(issuer)
    signed = f"Bearer {token()}"
    await verifier.caller(signed)

    issuer.keys = [ECKey.generate_key("P-256", {"kid": "two"})]
    monkeypatch.setattr(verifier, "_refresh", 0.0)

    with pytest.raises(ProblemError, match="token-invalid"):
        await verifier.caller(signed)
