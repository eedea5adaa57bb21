"""The OpenID provider, used as a relying party: authorization code with PKCE, by Authlib.

The provider is not contacted before the first login, and an outage of it is a problem for that login alone.
"""

from __future__ import annotations

import json
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from time import monotonic
from typing import Any, Final
from urllib.parse import urlencode

import httpx2
import structlog
from authlib.integrations.base_client import OAuthError
from authlib.integrations.httpx_client import AsyncOAuth2Client
from authlib.integrations.starlette_client import OAuth
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from frikort_contracts.http.roles import Role
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import ECKey, KeySet, RSAKey

from services.portals.login.logout_token import InvalidLogoutToken, LogoutToken, logout_token
from services.portals.problems import ProblemError

logger = structlog.get_logger(__name__)

_WELL_KNOWN: Final = "/.well-known/openid-configuration"
_NEEDED: Final = {"authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri"}
_DEFAULT_LIFETIME_SECONDS: Final = 60
_REFRESH_REFUSED: Final = frozenset({"invalid_grant", "invalid_scope", "access_denied"})
_ALGORITHMS: Final = frozenset({"ES256", "RS256", "PS256"})
_PAUSE_BETWEEN_FETCHES: Final = 5.0


@dataclass(frozen=True)
class AuthorizationRequest:
    """A login that has begun: where the browser is sent, and what must come back."""

    address: str
    state: str
    nonce: str
    verifier: str


@dataclass(frozen=True)
class ApiTokens:
    """A person's access token for the API, the refresh token that renews it, and when the access token expires."""

    access: str = field(repr=False)
    refresh: str = field(repr=False)
    expires_at: datetime


@dataclass(frozen=True)
class LoggedIn:
    """A person who has logged in: the claims about them, their ID token and the refresh token of the login.

    ``provider_session`` is the `sid` of the ID token; empty if it has none.
    """

    claims: Mapping[str, Any] = field(repr=False)
    id_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    provider_session: str = field(default="", repr=False)


class TokenRevoked(Exception):
    """The provider does not accept the refresh token (any more), or the person no longer has the role."""


class OpenIdProvider:
    """The provider at ``issuer``. Its discovery document is read at the first login and then kept."""

    def __init__(
        self,
        *,
        issuer: str,
        client_id: str,
        client_key: Path,
        scope: str,
        resource: str,
        redirect_uri: str,
        seconds: float,
        transport: httpx2.AsyncBaseTransport | None = None,
    ) -> None:
        """``seconds`` limits each request; ``transport`` replaces the network in tests."""
        key = read_client_key(client_key)
        self._issuer = issuer
        self._client_id = client_id
        self._key = key
        self._scope = scope
        self._resource = resource
        self._redirect_uri = redirect_uri
        self._expected = {
            name: {"essential": True, "value": value} for name, value in (("iss", issuer), ("aud", client_id))
        }
        self._keys_fetched_at = float("-inf")
        self._authentication = PrivateKeyJWT(issuer, alg="ES256" if isinstance(key, ECKey) else "RS256")
        self._client_options = {
            "token_endpoint_auth_method": PrivateKeyJWT.name,
            "timeout": seconds,
            # Authlib would otherwise call a token of less than a minute expired.
            "leeway": 0,
            "verify": _trusted(),
            "transport": transport,
        }
        # Authlib has no types.
        self._app: Any = OAuth().register(
            "login",
            client_id=client_id,
            client_secret=key,
            server_metadata_url=issuer + _WELL_KNOWN,
            client_auth_methods=[self._authentication],
            client_kwargs={"scope": scope, "code_challenge_method": "S256", **self._client_options},
        )

    async def begin(self, role: Role, *, reauthenticate: bool) -> AuthorizationRequest:
        """Begin a login for ``role``; ``reauthenticate`` asks who it is even if the provider has a session.

        Raises ``ProblemError``.
        """
        async with _problems():
            await self._ensure_metadata()
            more = {"prompt": "login"} if reauthenticate else {}
            scope = f"{self._scope} {_scope_of(role)}"
            begun = await self._app.create_authorization_url(
                self._redirect_uri, scope=scope, resource=self._resource, **more
            )
        return AuthorizationRequest(begun["url"], begun["state"], begun["nonce"], begun["code_verifier"])

    async def finish(self, code: str, begun: AuthorizationRequest) -> LoggedIn:
        """Redeem the ``code``. Raises ``ProblemError``.

        The ID token proves who it is. Everything else comes from userinfo, so that the ID token, which a logout puts
        into an address, holds no personal data.
        """
        async with _problems():
            await self._ensure_metadata()
            token = await self._app.fetch_access_token(
                redirect_uri=self._redirect_uri, code=code, code_verifier=begun.verifier
            )
            if "id_token" not in token:
                raise OAuthError("no_id_token")
            if "refresh_token" not in token:
                raise OAuthError("no_refresh_token")
            proven = await self._app.parse_id_token(token, nonce=begun.nonce, claims_options=self._expected)
            claims = await self._app.userinfo(token=token)
            if claims.get("sub") != proven["sub"]:
                raise OAuthError("another_subject")
        return LoggedIn(claims, token["id_token"], token["refresh_token"], str(proven.get("sid") or ""))

    async def refresh(self, refresh_token: str, role: Role) -> ApiTokens:
        """A new access token for the API in ``role`` (RFC 8707), and the refresh token that follows ``refresh_token``.

        Raises ``TokenRevoked``, and ``ProblemError`` when the provider does not answer.
        """
        async with _problems():
            await self._ensure_metadata()
            asked_at = datetime.now(UTC)
            try:
                token = await self._app.fetch_access_token(
                    grant_type="refresh_token",
                    refresh_token=refresh_token,
                    scope=_scope_of(role),
                    resource=self._resource,
                )
            except OAuthError as error:
                if error.error in _REFRESH_REFUSED:
                    raise TokenRevoked from None
                raise
        lifetime = timedelta(seconds=int(token.get("expires_in", _DEFAULT_LIFETIME_SECONDS)))
        return ApiTokens(token["access_token"], token.get("refresh_token", refresh_token), asked_at + lifetime)

    async def revoke(self, refresh_token: str) -> None:
        """Revoke a refresh token and all that was issued with it (RFC 7009), if the provider answers."""
        try:
            endpoint = (await self._ensure_metadata()).get("revocation_endpoint")
            if endpoint is None:
                return
            async with AsyncOAuth2Client(self._client_id, self._key, **self._client_options) as client:
                client.register_client_auth_method(self._authentication)
                response = await client.revoke_token(
                    endpoint,
                    token=refresh_token,
                    token_type_hint="refresh_token",  # noqa: S106 - the name of a kind of token
                    auth=client.client_auth(PrivateKeyJWT.name),
                )
                response.raise_for_status()
        except (httpx2.HTTPError, OAuthError, JoseError, ValueError) as error:
            logger.warning("portals.token_not_revoked", reason=type(error).__name__)

    async def read_logout_token(self, encoded: str, now: datetime) -> LogoutToken:
        """A logout token of this provider for this client. Raises ``InvalidLogoutToken`` and ``ProblemError``."""
        async with _problems():
            metadata = await self._ensure_metadata()
            algorithms = metadata.get("id_token_signing_alg_values_supported") or ["RS256"]
            token = await self._verified(encoded, [one for one in algorithms if one in _ALGORITHMS])
        return logout_token(token.header, token.claims, issuer=self._issuer, client_id=self._client_id, now=now)

    async def _verified(self, encoded: str, algorithms: list[str]) -> jwt.Token:
        keys = await self._app.fetch_jwk_set()
        try:
            return _decoded(encoded, keys, algorithms)
        except InvalidKeyIdError:
            # The provider may have a new key. Anyone can send a token, so it is not asked each time.
            if monotonic() - self._keys_fetched_at < _PAUSE_BETWEEN_FETCHES:
                raise InvalidLogoutToken("unknown key") from None
            self._keys_fetched_at = monotonic()
        try:
            return _decoded(encoded, await self._app.fetch_jwk_set(force=True), algorithms)
        except InvalidKeyIdError:
            raise InvalidLogoutToken("unknown key") from None

    async def _ensure_metadata(self) -> Mapping[str, Any]:
        """The provider's metadata; it must name the expected issuer (OpenID Discovery, 4.3). Raises ``ValueError``."""
        metadata: dict[str, Any] = await self._app.load_server_metadata()
        if metadata.get("issuer") != self._issuer or not metadata.keys() >= _NEEDED:
            metadata.clear()
            raise ValueError("the provider's metadata is incomplete or names another issuer")
        return metadata

    def is_issuer(self, named: str | None) -> bool:
        """Whether a response that names its issuer (RFC 9207) is of this provider; a response may name none."""
        return named is None or named == self._issuer

    async def end_session_url(self, id_token: str, to: str) -> str:
        """Where the browser ends its session with the provider before it goes ``to``."""
        try:
            end = (await self._ensure_metadata()).get("end_session_endpoint")
        except (httpx2.HTTPError, ValueError):
            end = None
        query = urlencode({"id_token_hint": id_token, "post_logout_redirect_uri": to})
        return f"{end}?{query}" if end else to


def read_client_key(path: Path) -> ECKey | RSAKey:
    """The portals' private key. Raises ``ValueError`` with the name of the setting, without the file's content."""
    try:
        stored = json.loads(path.read_text())
        return RSAKey.import_key(stored) if stored["kty"] == "RSA" else ECKey.import_key(stored)
    except (OSError, ValueError, KeyError, TypeError, JoseError):
        # The path is not repeated: the key itself may stand in its place.
        raise ValueError("FRIKORT_LOGIN_CLIENT_KEY names no file with a private JWK (EC P-256 or RSA)") from None


def _decoded(encoded: str, keys: Mapping[str, Any], algorithms: list[str]) -> jwt.Token:
    """The token, its signature verified. Raises ``InvalidKeyIdError`` and ``InvalidLogoutToken``."""
    key_set = KeySet.import_key_set(keys)  # type: ignore[arg-type]
    try:
        return jwt.decode(encoded, key_set, algorithms=algorithms)
    except InvalidKeyIdError:
        raise
    except (JoseError, ValueError, TypeError):
        raise InvalidLogoutToken("signature") from None


def _scope_of(role: Role) -> str:
    """The scope that makes an access token one of this role."""
    return f"portal:{role}"


@cache
def _trusted() -> ssl.SSLContext:
    """The system's trusted certificates; loading them takes longer than a login."""
    return ssl.create_default_context()


@asynccontextmanager
async def _problems() -> AsyncIterator[None]:
    """Turn the provider's errors into problems; the log gets the kind of error, never its text."""
    try:
        yield
    except (OAuthError, JoseError) as error:
        logger.warning("portals.login_refused", reason=getattr(error, "error", type(error).__name__))
        raise ProblemError("login-failed") from None
    except (httpx2.HTTPError, ValueError) as error:
        logger.warning("portals.login_provider_unavailable", reason=type(error).__name__)
        raise ProblemError("login-unavailable", headers={"Retry-After": "30"}) from None
