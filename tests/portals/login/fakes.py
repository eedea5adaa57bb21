"""A session store in memory, a clock, and an OpenID provider that a test controls."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
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

from services.portals.login.access_tokens import AccessTokens
from services.portals.login.drafts import FormTokens
from services.portals.login.oidc import OpenIdProvider
from services.portals.login.service import LoginService
from services.portals.login.session_store import EncryptedRecord
from services.portals.login.sessions import Sessions
from services.portals.settings import ClaimNames
from tests.portals.build import ISSUER, PUBLIC_URL, client_key, session_keys

RESOURCE: Final = "urn:frikort:api"
CLIENT: Final = "frikort-portal"
CODE: Final = "a-code"
CITIZEN: Final = {"sub": "citizen-1", "name": "Karla Hemmelig", "cpr": "6101800101"}


class MemorySessionStore:
    """A session store in memory. Its contract test also runs on MongoDB."""

    def __init__(self) -> None:
        self.records: dict[str, EncryptedRecord] = {}
        self.claims: dict[str, tuple[str, datetime]] = {}

    async def prepare(self) -> None:
        pass

    async def add(self, key: str, record: EncryptedRecord) -> bool:
        return self.records.setdefault(key, record) is record

    async def get(self, key: str) -> EncryptedRecord | None:
        return self.records.get(key)

    async def take(self, key: str) -> EncryptedRecord | None:
        return self.records.pop(key, None)

    async def extend(self, key: str, expires_at: datetime) -> None:
        if key in self.records:
            self.records[key] = replace(self.records[key], expires_at=expires_at)

    async def claim_refresh(self, key: str, tokens: str, now: datetime, until: datetime) -> bool:
        record = self.records.get(key)
        claimed, claimed_until = self.claims.get(key, ("", now))
        if record is None or record.tokens != tokens or (claimed == tokens and claimed_until > now):
            return False
        self.claims[key] = tokens, until
        return True

    async def release_refresh(self, key: str, tokens: str) -> None:
        if self.claims.get(key, ("",))[0] == tokens:
            del self.claims[key]

    async def replace_tokens(self, key: str, old: str, new: str) -> bool:
        record = self.records.get(key)
        if record is None or record.tokens != old:
            return False
        self.records[key] = replace(record, tokens=new)
        self.claims.pop(key, None)
        return True

    async def expired(self, now: datetime, most: int) -> list[str]:
        return [key for key, record in self.records.items() if record.expires_at <= now][:most]

    async def found_by(self, *, subjects: Sequence[str] | None, provider_sessions: Sequence[str] | None) -> list[str]:
        return [
            key
            for key, record in self.records.items()
            if (subjects is None or record.subject in subjects)
            and (provider_sessions is None or record.provider_session in provider_sessions)
        ]


@dataclass
class ManualClock:
    """A clock that a test advances. It starts at the real time, because the provider's tokens expire by that."""

    time: datetime = field(default_factory=lambda: datetime.now(UTC))

    def __call__(self) -> datetime:
        return self.time

    def advance(self, **span: float) -> None:
        self.time += timedelta(**span)


def _set_event() -> asyncio.Event:
    event = asyncio.Event()
    event.set()
    return event


@dataclass
class FakeProvider:
    """An OpenID provider for one code. A test changes ``claims``, ``userinfo``, ``answer`` and ``lifetime``.

    Attributes:
        token_requests: the forms that the token endpoint received, in order.
        down: whether the provider refuses connections.
        lifetime: seconds that an access token for the API is valid.
        refreshed: the refresh tokens that were used, in order.
        revoked: the refresh tokens that were revoked.
        refresh_began: set when a refresh begins.
        refreshing: a refresh is answered only while this is set.
        keys_fetched: how often the keys were fetched.
        without_role: whether the role was withdrawn: the provider refuses to refresh.
    """

    nonce: str = ""
    claims: dict[str, Any] = field(default_factory=dict)
    userinfo: dict[str, Any] = field(default_factory=lambda: dict(CITIZEN))
    answer: dict[str, Any] = field(default_factory=dict)
    metadata: dict[str, Any] = field(default_factory=dict)
    down: bool = False
    status: int = 200
    token_requests: list[dict[str, str]] = field(default_factory=list)
    key: ECKey = field(default_factory=lambda: ECKey.generate_key("P-256", {"kid": "one", "use": "sig"}))
    signing_key: ECKey | None = None
    lifetime: int = 300
    refreshed: list[str] = field(default_factory=list)
    revoked: list[str] = field(default_factory=list)
    keys_fetched: int = 0
    without_role: bool = False
    refreshing: asyncio.Event = field(default_factory=_set_event)
    refresh_began: asyncio.Event = field(default_factory=asyncio.Event)

    def transport(self) -> httpx2.AsyncBaseTransport:
        routes = [
            Route("/.well-known/openid-configuration", self._describe),
            Route("/token", self._token, methods=["POST"]),
            Route("/revoke", self._revoke, methods=["POST"]),
            Route("/me", self._me),
            Route("/jwks", self._keys),
        ]
        return httpx2.ASGITransport(Starlette(routes=routes))

    async def _describe(self, _: Request) -> Response:
        if self.down:
            raise httpx2.ConnectError("down")
        described = {
            "issuer": ISSUER,
            "authorization_endpoint": f"{ISSUER}/auth",
            "token_endpoint": f"{ISSUER}/token",
            "userinfo_endpoint": f"{ISSUER}/me",
            "revocation_endpoint": f"{ISSUER}/revoke",
            "end_session_endpoint": f"{ISSUER}/end",
            "jwks_uri": f"{ISSUER}/jwks",
            "id_token_signing_alg_values_supported": ["ES256"],
            **self.metadata,
        }
        return JSONResponse({name: value for name, value in described.items() if value is not None})

    async def _token(self, request: Request) -> Response:
        if self.down:
            raise httpx2.ConnectError("down")
        form = {name: values[0] for name, values in parse_qs((await request.body()).decode()).items()}
        self.token_requests.append(form)
        if self.status != 200:
            return JSONResponse({"error": "invalid_grant"}, self.status)
        if form["grant_type"] == "refresh_token":
            return await self._refresh(form)
        now = int(time.time())
        claims = {"iss": ISSUER, "aud": CLIENT, "sub": "citizen-1", "iat": now, "exp": now + 60, "nonce": self.nonce}
        kept = {name: value for name, value in (claims | self.claims).items() if value is not None}
        id_token = jwt.encode({"alg": "ES256", "kid": str(self.key.kid)}, kept, self.signing_key or self.key)
        answer = {
            "access_token": "opaque",
            "token_type": "Bearer",
            "expires_in": 60,
            "id_token": id_token,
            "refresh_token": "refresh-0",
            **self.answer,
        }
        return JSONResponse({name: value for name, value in answer.items() if value is not None})

    async def _refresh(self, form: Mapping[str, str]) -> Response:
        self.refresh_began.set()
        await self.refreshing.wait()
        if self.without_role or form["refresh_token"] in (*self.refreshed, *self.revoked):
            return JSONResponse({"error": "invalid_grant"}, 400)
        self.refreshed.append(form["refresh_token"])
        number = len(self.refreshed)
        tokens = {"access_token": f"access-{number}", "refresh_token": f"refresh-{number}"}
        return JSONResponse({"token_type": "Bearer", "expires_in": self.lifetime, **tokens})

    async def _revoke(self, request: Request) -> Response:
        if self.down:
            raise httpx2.ConnectError("down")
        form = {name: values[0] for name, values in parse_qs((await request.body()).decode()).items()}
        assert form["client_assertion"]
        self.revoked.append(form["token"])
        return Response()

    async def _me(self, request: Request) -> Response:
        assert request.headers["authorization"] == "Bearer opaque"
        return JSONResponse(self.userinfo)

    async def _keys(self, _: Request) -> Response:
        if self.down:
            raise httpx2.ConnectError("down")
        self.keys_fetched += 1
        return JSONResponse(dict(KeySet([self.key]).as_dict(private=False)))


def open_id_provider(provider: FakeProvider) -> OpenIdProvider:
    """The portals' client of ``provider``."""
    return OpenIdProvider(
        issuer=ISSUER,
        client_id=CLIENT,
        client_key=client_key(),
        scope="openid person",
        resource=RESOURCE,
        redirect_uri=f"{PUBLIC_URL}/login/callback",
        seconds=3,
        transport=provider.transport(),
    )


def memory_sessions(clock: ManualClock, store: MemorySessionStore | None = None) -> Sessions:
    """Sessions that end after half an hour without a request, and after eight hours."""
    kept = store or MemorySessionStore()
    return Sessions(kept, session_keys(), idle=timedelta(minutes=30), most=timedelta(hours=8), now=clock)


def login_service(
    provider: FakeProvider,
    clock: ManualClock,
    logins: MemorySessionStore | None = None,
    store: MemorySessionStore | None = None,
) -> LoginService:
    """A login service of ``provider`` with a time limit of ten minutes."""
    client, kept = open_id_provider(provider), memory_sessions(clock, store)
    return LoginService(
        provider=client,
        logins=logins or MemorySessionStore(),
        sessions=kept,
        form_tokens=FormTokens(kept.keys, timedelta(hours=16), clock),
        access_tokens=AccessTokens(kept, client),
        names=ClaimNames(),
        time_limit=timedelta(minutes=10),
    )
