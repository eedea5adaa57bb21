"""A token issuer for development: OAuth2 client credentials for the invented people of people.toml.

In earnest the tokens come from the state's own identity provider; a service sees no difference, because it
knows an issuer only by its address and its public keys. `python -m deploy.local.issuer` runs it.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import sys
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import parse_qsl, unquote_plus

import uvicorn
from joserfc.jwk import ECKey
from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from deploy.local import keys, people, tokens
from deploy.local.people import Person

_NO_STORE = {"Cache-Control": "no-store"}


class IssuerSettings(BaseSettings):
    """Settings of the issuer, from FRIKORT_* variables."""

    model_config = SettingsConfigDict(env_prefix="FRIKORT_")

    environment: str = Field(description="The issuer refuses to start unless this is `local`.")
    host: str = Field(default="127.0.0.1", description="The address to listen on.")
    port: int = Field(default=8090, description="The TCP port to listen on.")
    issuer: str = Field(description="The issuer's own address as its clients see it, and the `iss` of its tokens.")
    audience: str = Field(default=tokens.AUDIENCE, description="The `aud` of its tokens.")
    issuer_key: Path = Field(description="A file with the private JWK that signs; drawn where it is not there yet.")
    people: Path = Field(default=people.PEOPLE, description="Who can get a token.")


class TokenError(Exception):
    """A refusal in the words of RFC 6749, section 5.2."""

    def __init__(self, error: str, description: str, status: int = 400) -> None:
        super().__init__(description)
        self.error = error
        self.description = description
        self.status = status


def application(settings: IssuerSettings, key: ECKey, known: Mapping[str, Person]) -> Starlette:
    """The issuer as an ASGI application."""
    metadata = {
        "issuer": settings.issuer,
        "token_endpoint": f"{settings.issuer}/token",
        "jwks_uri": f"{settings.issuer}/jwks",
        "grant_types_supported": ["client_credentials"],
        "response_types_supported": [],
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
        "scopes_supported": [tokens.SCOPE],
    }
    public_keys = {"keys": [key.as_dict(private=False)]}

    async def token(request: Request) -> Response:
        form = _form(await request.body())
        person = _authenticate(known, request.headers.get("authorization"), form)
        if form.get("grant_type") != "client_credentials":
            raise TokenError("unsupported_grant_type", "The only grant type here is client_credentials.")
        if form.get("scope", tokens.SCOPE) != tokens.SCOPE:
            raise TokenError("invalid_scope", f"The only scope here is {tokens.SCOPE}.")
        answer = {
            "access_token": tokens.issue(key, person, issuer=settings.issuer, audience=settings.audience),
            "token_type": "Bearer",
            "expires_in": tokens.LIFETIME_SECONDS,
            "scope": tokens.SCOPE,
        }
        return JSONResponse(answer, headers=_NO_STORE)

    async def show_metadata(request: Request) -> Response:
        return JSONResponse(metadata)

    async def show_keys(request: Request) -> Response:
        return JSONResponse(public_keys)

    async def health(request: Request) -> Response:
        return JSONResponse({"status": "ready"})

    return Starlette(
        routes=[
            Route("/.well-known/oauth-authorization-server", show_metadata),
            Route("/.well-known/openid-configuration", show_metadata),
            Route("/jwks", show_keys),
            Route("/token", token, methods=["POST"]),
            Route("/health/ready", health),
        ],
        exception_handlers={TokenError: _refuse},
    )


def _form(body: bytes) -> dict[str, str]:
    pairs = parse_qsl(body.decode("utf-8", errors="replace"), keep_blank_values=True)
    form = dict(pairs)
    if len(form) != len(pairs):
        raise TokenError("invalid_request", "A parameter stands in the form twice.")
    return form


def _authenticate(known: Mapping[str, Person], authorization: str | None, form: Mapping[str, str]) -> Person:
    """The client whose id and secret come in the Authorization header or in the form, never in both."""
    if authorization is None:
        client, secret = form.get("client_id", ""), form.get("client_secret", "")
    elif "client_secret" in form:
        raise TokenError("invalid_request", "The client authenticates in two ways at once.")
    else:
        client, secret = _basic(authorization)
    person = known.get(client)
    if person is None or not hmac.compare_digest(person.secret.encode(), secret.encode()):
        raise TokenError("invalid_client", "Unknown client, or wrong secret.", status=401)
    return person


def _basic(authorization: str) -> tuple[str, str]:
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic":
        raise TokenError("invalid_client", "The Authorization header is not HTTP Basic.", status=401)
    try:
        client, _, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (ValueError, binascii.Error):
        raise TokenError("invalid_client", "The Authorization header is not valid base64.", status=401) from None
    return unquote_plus(client), unquote_plus(secret)


async def _refuse(request: Request, error: Exception) -> Response:
    if not isinstance(error, TokenError):
        raise error
    headers = _NO_STORE | ({"WWW-Authenticate": 'Basic realm="frikort"'} if error.status == 401 else {})
    answer = {"error": error.error, "error_description": error.description}
    return JSONResponse(answer, status_code=error.status, headers=headers)


def main() -> None:
    """Run the issuer until it is told to stop; exits with 2 outside a local environment."""
    settings = IssuerSettings()
    if settings.environment != "local":
        print("The development token issuer starts only with FRIKORT_ENVIRONMENT=local.", file=sys.stderr)
        raise SystemExit(2)
    app = application(settings, keys.issuer_key(settings.issuer_key), people.load(settings.people))
    uvicorn.run(app, host=settings.host, port=settings.port, access_log=False, log_level="warning")


if __name__ == "__main__":
    main()
