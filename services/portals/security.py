"""Around every page: what a browser may do with it. Nothing comes from elsewhere, and nothing is inline."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_CONTENT_SECURITY_POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "font-src 'self'",
        "connect-src 'self'",
        "form-action 'self'{login}",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
_HEADERS: Final = {
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Referrer-Policy": "same-origin",
    "X-Frame-Options": "DENY",
}
_STRICT_TRANSPORT: Final = "max-age=63072000; includeSubDomains"


def content_security_policy(login: str = "") -> str:
    """Nothing from elsewhere. The form that logs off leads to the origin ``login``, and Chromium asks at each step."""
    return _CONTENT_SECURITY_POLICY.format(login=login and f" {login}")


def origin_of(address: str) -> str:
    """``https://login.example`` of ``https://login.example/realms/citizens``."""
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}"


class SecurityMiddleware:
    """Sets the headers of every HTML answer.

    ``secure``: the outside is HTTPS, and shall stay so. ``login``: the origin of the OpenID provider.
    """

    def __init__(self, app: ASGIApp, *, secure: bool, login: str = "") -> None:
        self._app = app
        self._headers = (
            {"Content-Security-Policy": content_security_policy(login)}
            | _HEADERS
            | ({"Strict-Transport-Security": _STRICT_TRANSPORT} if secure else {})
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                if headers.get("content-type", "").startswith("text/html"):
                    for name, value in self._headers.items():
                        headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, sending)
