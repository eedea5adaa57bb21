"""A small client of the public API, for the demo data and for tests."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

import httpx2
from joserfc import jwt
from joserfc.jwk import ECKey

from deploy.local.people import Person
from deploy.local.provider_config import SCOPE

_PAUSE = 0.1
_ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


class Answer:
    """A response of the API."""

    def __init__(self, response: httpx2.Response) -> None:
        self.status = response.status_code
        self.headers: Mapping[str, str] = response.headers
        self.content = response.content
        kind = response.headers.get("content-type", "").partition(";")[0]
        is_json = kind == "application/json" or kind.endswith("+json")
        self.body: Any = json.loads(response.content) if is_json and response.content else None

    def __getitem__(self, name: str) -> Any:
        return self.body[name]

    def __repr__(self) -> str:
        return f"{self.status} {self.content[:600].decode(errors='replace')}"

    @property
    def problem(self) -> str | None:
        """The problem code, if the response is a problem document."""
        if self.headers.get("content-type", "").startswith("application/problem+json"):
            return str(self.body["type"]).rsplit("/", 1)[-1]
        return None


def headers_of(token: str) -> dict[str, str]:
    """Headers of every request: the access token, the language of texts, and a caseworker's reason for access."""
    return {"Authorization": f"Bearer {token}", "Accept-Language": "en", "Access-Reason": "sag 2025-0042"}


class Caller:
    """A client with one access token. Every command gets a new idempotency key unless `key` is given."""

    def __init__(self, url: str, token: str) -> None:
        self._http = httpx2.Client(base_url=url, timeout=40, headers=headers_of(token))

    def get(self, path: str, **query: str | int) -> Answer:
        return Answer(self._http.get(path, params=dict(query)))

    def post(self, path: str, body: Mapping[str, Any], *, key: str | None = None, wait: int | None = None) -> Answer:
        return self.send("POST", path, body, key=key, wait=wait)

    def send(
        self, method: str, path: str, body: Mapping[str, Any], *, key: str | None = None, wait: int | None = None
    ) -> Answer:
        headers = {"Idempotency-Key": key or str(uuid4())}
        if wait is not None:
            headers["Prefer"] = f"wait={wait}"
        return Answer(self._http.request(method, path, json=dict(body), headers=headers))

    def wait_for(self, path: str, field: str, value: str, *, within: float = 60) -> Answer:
        """Poll ``path`` until its ``field`` is ``value``; returns that response."""
        deadline = time.monotonic() + within
        while (answer := self.get(path)).body.get(field) != value:
            if time.monotonic() > deadline:
                raise AssertionError(f"{path}: {field} did not become {value} in {within:.0f} s: {answer}")
            time.sleep(_PAUSE)
        return answer


def fetch_token(provider_url: str, person: Person, key: ECKey | None = None) -> str:
    """Request an access token from the OpenID provider with client credentials (RFC 6749, section 4.4).

    A client without a secret authenticates with its ``key`` (RFC 7523, ``private_key_jwt``).
    """
    form = {"grant_type": "client_credentials", "scope": SCOPE}
    auth = None if key else (person.id, person.secret)
    if key is not None:
        form |= {"client_assertion_type": _ASSERTION, "client_assertion": assertion(provider_url, person.id, key)}
    response = httpx2.post(f"{provider_url}/token", data=form, auth=auth, timeout=10)
    response.raise_for_status()
    return str(response.json()["access_token"])


def assertion(provider_url: str, client_id: str, key: ECKey) -> str:
    """A client assertion signed with ``key`` (RFC 7523); it is valid once, for one minute."""
    now = int(time.time())
    claims = {"iss": client_id, "sub": client_id, "aud": provider_url, "jti": str(uuid4()), "iat": now, "exp": now + 60}
    return jwt.encode({"alg": "ES256", "kid": key.kid}, claims, key)
