"""Authentication: OAuth2 bearer tokens (RFC 9068), verified against the issuer's keys."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, NamedTuple

import httpx2
import structlog
from frikort_contracts.extracts import Authority
from frikort_contracts.http.roles import Role
from frikort_contracts.values import Actor, AuditorName, Cpr, Cvr, MunicipalityCode
from joserfc import jwt
from joserfc.errors import BadSignatureError, InvalidKeyIdError, JoseError, UnsupportedAlgorithmError
from joserfc.jwk import KeySet
from pydantic import BaseModel, Field, ValidationError, model_validator

from services.gateway.problems import ProblemError

logger = structlog.get_logger(__name__)

ALGORITHMS: Final = ("ES256", "RS256")
_TYPES: Final = frozenset({"at+jwt", "application/at+jwt"})
LEEWAY_SECONDS: Final = 30
PERSON_TOKEN_SECONDS: Final = 60
"""How long the token of a person who logged in at a client is accepted, even if the issuer lets it live longer.

What happened to the person's session or role meanwhile shows when the client gets the next token.
"""
_PAUSE_BETWEEN_REFRESHES: Final = 5.0
_TOKENS_KEPT: Final = 10_000

FetchKeys = Callable[[], Awaitable[dict[str, Any]]]
HashesOf = Callable[[str], tuple[str, ...]]
"""The hashes of a CPR number: first the one that names the person."""


class Claims(BaseModel):
    """The claims of a token. The role decides which organisation claim is required."""

    iss: str
    sub: Actor
    client_id: str = Field(min_length=1, max_length=128)
    role: Role
    municipality: MunicipalityCode | None = None
    cvr: Cvr | None = None
    cpr: Cpr | None = None
    authority: Authority | None = None
    auditor: AuditorName | None = None
    owners: tuple[Cpr, ...] = ()
    auth_time: float | None = None

    @property
    def organisation(self) -> str:
        """The organisation that the caller acts for: municipality, CVR, CPR, authority or auditor."""
        claim = {
            Role.CASEWORKER: self.municipality,
            Role.EMPLOYER: self.cvr,
            Role.CITIZEN: self.cpr,
            Role.AUTHORITY: self.authority,
            Role.AUDITOR: self.auditor,
        }[self.role]
        if claim is None:
            raise ValueError(f"a token of role {self.role} lacks its organisation")
        return str(claim)

    @model_validator(mode="after")
    def _has_organisation(self) -> Claims:
        _ = self.organisation
        return self


@dataclass(frozen=True)
class Caller:
    """An authenticated caller. ``organisation`` is a municipality code, a CVR, a CPR hash, an authority or an auditor.

    ``logged_in_at``: when the person logged in (epoch seconds); None for a program, which does not log in.
    ``person``: the CPR hash of a caseworker, if the token has their CPR number.
    ``other_hashes``: those of a citizen under other look-up keys.
    """

    issuer: str
    client_id: str
    subject: str
    role: Role
    organisation: str
    owners: tuple[str, ...] = ()
    logged_in_at: float | None = None
    person: str | None = None
    other_hashes: tuple[str, ...] = ()

    @cached_property
    def client(self) -> str:
        """The owner of an Idempotency-Key."""
        return json.dumps([self.issuer, self.client_id, self.subject, self.role, self.organisation])


def caller_of(claims: Claims, cpr_hashes: HashesOf) -> Caller:
    """The caller with these claims, without CPR numbers."""
    citizen = cpr_hashes(claims.organisation) if claims.role is Role.CITIZEN else ()
    return Caller(
        issuer=claims.iss,
        client_id=claims.client_id,
        subject=claims.sub,
        role=claims.role,
        organisation=citizen[0] if citizen else claims.organisation,
        owners=tuple(one for owner in claims.owners for one in cpr_hashes(owner)),
        logged_in_at=claims.auth_time,
        person=cpr_hashes(claims.cpr)[0] if claims.role is Role.CASEWORKER and claims.cpr is not None else None,
        other_hashes=citizen[1:],
    )


class _Verified(NamedTuple):
    """A verified token and its expiry (epoch seconds)."""

    caller: Caller
    expires: float


class Authenticator:
    """Verifies tokens with the issuer's keys.

    Keys are cached, and kept while the issuer does not answer. They are fetched again after ``refresh`` seconds, or
    when a token has an unknown key id. A verified token is cached until it expires or the keys are fetched again,
    because programs send the same token many times.
    """

    def __init__(
        self, *, issuer: str, audience: str, fetch_keys: FetchKeys, cpr_hashes: HashesOf, refresh: float
    ) -> None:
        self._issuer = issuer
        self._audience = audience
        self._fetch_keys = fetch_keys
        self._cpr_hashes = cpr_hashes
        self._refresh = refresh
        self._keys: KeySet | None = None
        self._verified: dict[str, _Verified] = {}
        self._tried_at = float("-inf")
        self._fetching = asyncio.Lock()
        self._fetch_task: asyncio.Task[None] | None = None

    async def caller(self, authorization: str | None) -> Caller:
        """The caller behind an Authorization header. Raises ``ProblemError``."""
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise ProblemError("token-missing", headers={"WWW-Authenticate": "Bearer"})
        token = token.strip()
        keys = await self._current_keys()
        verified = self._verified.get(token)
        if verified is None or verified.expires <= time.time():
            verified = self._checked(await self._decoded(token, keys))
            if len(self._verified) >= _TOKENS_KEPT:
                self._verified.clear()
            self._verified[token] = verified
        return verified.caller

    async def check_keys(self) -> None:
        """Fetch the issuer's keys if there are none yet. Raises ``ConnectionError`` if that fails."""
        try:
            await self._current_keys()
        except ProblemError:
            raise ConnectionError("the issuer's keys could not be fetched") from None

    async def _decoded(self, token: str, keys: KeySet) -> jwt.Token:
        try:
            return jwt.decode(token, keys, algorithms=ALGORITHMS)
        except InvalidKeyIdError:
            keys = await self._current_keys(refresh=True)
        except (JoseError, ValueError, TypeError) as error:
            raise _invalid(_reason_of(error)) from None
        try:
            return jwt.decode(token, keys, algorithms=ALGORITHMS)
        except (JoseError, ValueError, TypeError) as error:
            raise _invalid(_reason_of(error)) from None

    def _checked(self, token: jwt.Token) -> _Verified:
        claims = token.claims
        audience = claims.get("aud")
        audiences = audience if isinstance(audience, list) else [audience]
        begins, expires = _moment(claims.get("nbf", 0)), _moment(claims.get("exp"))
        now = time.time()
        if str(token.header.get("typ", "")).lower() not in _TYPES:
            raise _invalid("typ")
        if claims.get("iss") != self._issuer:
            raise _invalid("iss")
        if self._audience not in audiences:
            raise _invalid("aud")
        if begins is None or now < begins - LEEWAY_SECONDS:
            raise _invalid("nbf")
        if expires is None or now >= expires:
            raise _invalid("exp")
        try:
            caller = caller_of(Claims.model_validate(claims), self._cpr_hashes)
        except ValidationError as error:
            place = error.errors(include_input=False, include_url=False, include_context=False)[0]["loc"]
            raise _invalid(str(place[0]) if place else "organisation") from None
        if caller.logged_in_at is not None and caller.subject != caller.client_id:
            issued = _moment(claims.get("iat"))
            if issued is None or not now - PERSON_TOKEN_SECONDS < issued <= now + LEEWAY_SECONDS:
                raise _invalid("iat")
            expires = min(expires, issued + PERSON_TOKEN_SECONDS)
        return _Verified(caller, expires)

    async def _current_keys(self, *, refresh: bool = False) -> KeySet:
        """The issuer's keys. ``refresh``: fetch them again, unless that was done a few seconds ago.

        Requests that cannot be decided by the known keys wait for the one fetch in progress.
        """
        is_fetching_for_others = self._keys is not None and not refresh and self._fetching.locked()
        if self._due(refresh=refresh) and not is_fetching_for_others:
            async with self._fetching:
                if self._due(refresh=refresh):
                    await self._fetched()
        if self._keys is None:
            raise ProblemError("temporarily-unavailable", headers={"Retry-After": "5"})
        return self._keys

    def _due(self, *, refresh: bool) -> bool:
        age = time.monotonic() - self._tried_at
        if self._keys is None:
            return age > 1
        return age > (_PAUSE_BETWEEN_REFRESHES if refresh else self._refresh)

    async def _fetched(self) -> None:
        """Wait for the fetch in progress, or begin one. A caller that gives up does not end it for the others."""
        if self._fetch_task is None or self._fetch_task.done():
            self._fetch_task = asyncio.create_task(self._fetch())
        await asyncio.shield(self._fetch_task)

    async def _fetch(self) -> None:
        try:
            self._keys = KeySet.import_key_set(await self._fetch_keys())  # type: ignore[arg-type]
            self._verified.clear()
        except (httpx2.HTTPError, JoseError, ValueError, KeyError, TypeError) as error:
            logger.warning("gateway.issuer_keys_unavailable", reason=type(error).__name__)
        finally:
            self._tried_at = time.monotonic()


def fetch_from(url: str, seconds: float) -> FetchKeys:
    """Fetch a JWK set over HTTP within ``seconds``."""

    async def fetch() -> dict[str, Any]:
        try:
            async with asyncio.timeout(seconds), httpx2.AsyncClient(timeout=seconds) as client:
                response = await client.get(url)
                response.raise_for_status()
                keys: dict[str, Any] = response.json()
                return keys
        except TimeoutError as error:
            raise httpx2.ReadTimeout("the issuer's keys took too long") from error

    return fetch


def _moment(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _reason_of(error: Exception) -> str:
    if isinstance(error, InvalidKeyIdError):
        return "kid"
    if isinstance(error, UnsupportedAlgorithmError):
        return "alg"
    return "signature" if isinstance(error, BadSignatureError) else "encoding"


def _invalid(reason: str) -> ProblemError:
    """``reason`` is the claim or the part of the token that is wrong."""
    return ProblemError(
        "token-invalid", headers={"WWW-Authenticate": 'Bearer error="invalid_token"'}, log_reason=reason
    )
