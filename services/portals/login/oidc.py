"""The OpenID provider, as a relying party sees it: authorization code with PKCE, by Authlib.

The provider may be away: nothing is asked of it before someone logs on, and then it is a problem and no more.
"""

from __future__ import annotations

import json
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

import httpx2
import structlog
from authlib.integrations.base_client import OAuthError
from authlib.integrations.starlette_client import OAuth
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey

from services.gateway.problems import ProblemError

logger = structlog.get_logger(__name__)

_WELL_KNOWN: Final = "/.well-known/openid-configuration"
_NEEDED: Final = {"authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri"}


@dataclass(frozen=True)
class AuthorizationRequest:
    """A login that was begun: the address to send the browser to, and what must come back."""

    address: str
    state: str
    nonce: str
    verifier: str


@dataclass(frozen=True)
class Person:
    """Who has logged on: what the provider tells of them, and its ID token."""

    told: Mapping[str, Any]
    id_token: str


class OpenIdProvider:
    """The provider at ``issuer``; what it says of itself is asked for at the first login and then remembered."""

    def __init__(
        self,
        *,
        issuer: str,
        client_id: str,
        client_key: Path,
        scope: str,
        redirect_uri: str,
        seconds: float,
        transport: httpx2.AsyncBaseTransport | None = None,
    ) -> None:
        """``seconds`` is how long one answer may take; ``transport`` is the way there, if not the network."""
        key = read_client_key(client_key)
        self._issuer = issuer
        self._redirect_uri = redirect_uri
        self._expected = {
            name: {"essential": True, "value": value} for name, value in (("iss", issuer), ("aud", client_id))
        }
        # Authlib has no types.
        self._app: Any = OAuth().register(
            "login",
            client_id=client_id,
            client_secret=key,
            server_metadata_url=issuer + _WELL_KNOWN,
            client_auth_methods=[PrivateKeyJWT(issuer, alg="ES256" if isinstance(key, ECKey) else "RS256")],
            client_kwargs={
                "scope": scope,
                "token_endpoint_auth_method": PrivateKeyJWT.name,
                "code_challenge_method": "S256",
                "timeout": seconds,
                # Its access token is used once and at once: a minute is long enough.
                "leeway": 0,
                "verify": _trusted(),
                "transport": transport,
            },
        )

    async def begin(self, *, anew: bool) -> AuthorizationRequest:
        """Begin a login; ``anew`` asks who it is even of someone whom the provider knows. Raises ``ProblemError``."""
        async with _problems():
            await self._ensure_metadata()
            more = {"prompt": "login"} if anew else {}
            begun = await self._app.create_authorization_url(self._redirect_uri, **more)
        return AuthorizationRequest(begun["url"], begun["state"], begun["nonce"], begun["code_verifier"])

    async def finish(self, code: str, begun: AuthorizationRequest) -> Person:
        """Who the ``code`` that came back stands for. Raises ``ProblemError``.

        The ID token says that it is them. What they are is asked for apart, so that the ID token, which a logout puts
        into an address, says nothing else.
        """
        async with _problems():
            await self._ensure_metadata()
            token = await self._app.fetch_access_token(
                redirect_uri=self._redirect_uri, code=code, code_verifier=begun.verifier
            )
            if "id_token" not in token:
                raise OAuthError("no_id_token")
            proven = await self._app.parse_id_token(token, nonce=begun.nonce, claims_options=self._expected)
            told = await self._app.userinfo(token=token)
            if told.get("sub") != proven["sub"]:
                raise OAuthError("another_subject")
        return Person(told, token["id_token"])

    async def _ensure_metadata(self) -> Mapping[str, Any]:
        """The provider's addresses; one that calls itself otherwise is not ours (OpenID Discovery, 4.3)."""
        metadata: dict[str, Any] = await self._app.load_server_metadata()
        if metadata.get("issuer") != self._issuer or not metadata.keys() >= _NEEDED:
            metadata.clear()
            raise ValueError("the provider does not describe itself as it must")
        return metadata

    def is_issuer(self, named: str | None) -> bool:
        """Whether an answer that names its issuer (RFC 9207) is of this provider; one that names none may be."""
        return named is None or named == self._issuer

    async def end_session_url(self, id_token: str, to: str) -> str:
        """Where the browser ends its session with the provider, too, before it goes ``to``."""
        try:
            end = (await self._ensure_metadata()).get("end_session_endpoint")
        except (httpx2.HTTPError, ValueError):
            end = None
        query = urlencode({"id_token_hint": id_token, "post_logout_redirect_uri": to})
        return f"{end}?{query}" if end else to


def read_client_key(path: Path) -> ECKey | RSAKey:
    """The portals' private key. Raises ``ValueError`` that names the setting, never its content."""
    try:
        stored = json.loads(path.read_text())
        return RSAKey.import_key(stored) if stored["kty"] == "RSA" else ECKey.import_key(stored)
    except (OSError, ValueError, KeyError, TypeError, JoseError):
        raise ValueError(f"FRIKORT_LOGIN_CLIENT_KEY: {path} is no file with a private JWK (EC P-256 or RSA)") from None


@cache
def _trusted() -> ssl.SSLContext:
    """The certificates of the web; reading them takes longer than a login."""
    return ssl.create_default_context()


@asynccontextmanager
async def _problems() -> AsyncIterator[None]:
    """What goes wrong with the provider, as a problem; the log gets the kind of it, never its text."""
    try:
        yield
    except (OAuthError, JoseError) as error:
        logger.warning("gateway.login_refused", reason=getattr(error, "error", type(error).__name__))
        raise ProblemError("login-failed") from None
    except (httpx2.HTTPError, ValueError) as error:
        logger.warning("gateway.login_provider_away", reason=type(error).__name__)
        raise ProblemError("login-unavailable", headers={"Retry-After": "30"}) from None
