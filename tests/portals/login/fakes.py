"""What the tests of login control: records that are kept in memory, a clock, and an OpenID provider that can lie."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import parse_qs

import httpx2
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from services.gateway.settings import ClaimNames
from services.portals.login.oidc import OpenIdProvider
from services.portals.login.service import LoginService
from services.portals.login.session_store import SealedRecord
from services.portals.login.sessions import Sessions
from tests.gateway.build import PUBLIC_URL, client_key, persons

ISSUER: Final = "https://issuer.test"
CLIENT: Final = "frikort-portal"
CODE: Final = "a-code"
CITIZEN: Final = {"sub": "citizen-1", "name": "Karla Hemmelig", "cpr": "6101800101"}


class MemorySessionStore:
    """SessionStore in memory; the contract test runs on it and on MongoDB."""

    def __init__(self) -> None:
        self.kept: dict[str, SealedRecord] = {}

    async def prepare(self) -> None:
        pass

    async def add(self, key: str, record: SealedRecord) -> None:
        self.kept[key] = record

    async def get(self, key: str) -> SealedRecord | None:
        return self.kept.get(key)

    async def take(self, key: str) -> SealedRecord | None:
        return self.kept.pop(key, None)

    async def extend(self, key: str, expires_at: datetime) -> None:
        if key in self.kept:
            self.kept[key] = SealedRecord(self.kept[key].content, expires_at)


@dataclass
class HandClock:
    """A clock that is moved by hand."""

    time: datetime = datetime(2026, 11, 22, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.time

    def pass_by(self, **span: float) -> None:
        self.time += timedelta(**span)


@dataclass
class FakeProvider:
    """An OpenID provider for one code. ``claims``, ``userinfo`` and ``answer`` are what a test changes."""

    nonce: str = ""
    claims: dict[str, Any] = field(default_factory=dict)
    userinfo: dict[str, Any] = field(default_factory=lambda: dict(CITIZEN))
    answer: dict[str, Any] = field(default_factory=dict)
    metadata: dict[str, Any] = field(default_factory=dict)
    away: bool = False
    status: int = 200
    asked: list[dict[str, str]] = field(default_factory=list)
    key: ECKey = field(default_factory=lambda: ECKey.generate_key("P-256", {"kid": "one", "use": "sig"}))
    signing_key: ECKey | None = None

    def transport(self) -> httpx2.AsyncBaseTransport:
        routes = [
            Route("/.well-known/openid-configuration", self._describe),
            Route("/token", self._token, methods=["POST"]),
            Route("/me", self._me),
            Route("/jwks", self._keys),
        ]
        return httpx2.ASGITransport(Starlette(routes=routes))

    async def _describe(self, _: Request) -> Response:
        if self.away:
            raise httpx2.ConnectError("away")
        described = {
            "issuer": ISSUER,
            "authorization_endpoint": f"{ISSUER}/auth",
            "token_endpoint": f"{ISSUER}/token",
            "userinfo_endpoint": f"{ISSUER}/me",
            "end_session_endpoint": f"{ISSUER}/end",
            "jwks_uri": f"{ISSUER}/jwks",
            "id_token_signing_alg_values_supported": ["ES256"],
            **self.metadata,
        }
        return JSONResponse({name: value for name, value in described.items() if value is not None})

    async def _token(self, request: Request) -> Response:
        if self.away:
            raise httpx2.ConnectError("away")
        form = {name: values[0] for name, values in parse_qs((await request.body()).decode()).items()}
        self.asked.append(form)
        if self.status != 200:
            return JSONResponse({"error": "invalid_grant"}, self.status)
        now = int(time.time())
        claims = {"iss": ISSUER, "aud": CLIENT, "sub": "citizen-1", "iat": now, "exp": now + 60, "nonce": self.nonce}
        kept = {name: value for name, value in (claims | self.claims).items() if value is not None}
        id_token = jwt.encode({"alg": "ES256", "kid": str(self.key.kid)}, kept, self.signing_key or self.key)
        answer = {
            "access_token": "opaque",
            "token_type": "Bearer",
            "expires_in": 60,
            "id_token": id_token,
            **self.answer,
        }
        return JSONResponse({name: value for name, value in answer.items() if value is not None})

    async def _me(self, request: Request) -> Response:
        assert request.headers["authorization"] == "Bearer opaque"
        return JSONResponse(self.userinfo)

    async def _keys(self, _: Request) -> Response:
        return JSONResponse(dict(KeySet([self.key]).as_dict(private=False)))


def sessions(clock: HandClock, records: MemorySessionStore | None = None) -> Sessions:
    """Sessions with a pause of half an hour and a life of eight hours."""
    kept = records or MemorySessionStore()
    return Sessions(kept, persons(), idle=timedelta(minutes=30), most=timedelta(hours=8), now=clock)


def desk(provider: FakeProvider, clock: HandClock, records: MemorySessionStore | None = None) -> LoginService:
    """Where people log on by way of ``provider``, within ten minutes."""
    return LoginService(
        provider=OpenIdProvider(
            issuer=ISSUER,
            client_id=CLIENT,
            client_key=client_key(),
            scope="openid person",
            redirect_uri=f"{PUBLIC_URL}/login/callback",
            seconds=3,
            transport=provider.transport(),
        ),
        begun=records or MemorySessionStore(),
        sessions=sessions(clock),
        names=ClaimNames(),
        issuer=ISSUER,
        client_id=CLIENT,
        patience=timedelta(minutes=10),
    )
