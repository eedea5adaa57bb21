"""Post, redirect, get: a page that answers a form gets an address of its own.

Without it, Back and reload would ask to send the form again, or find nothing. The page and what was typed are stored
for an hour, encrypted, under the key of the session, so no other session can open the address.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import timedelta
from typing import Final
from urllib.parse import urlencode
from uuid import uuid4

import structlog
from pymongo.errors import PyMongoError
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.portals.login.session import Session
from services.portals.login.session_store import EncryptedRecord, SessionStore, key_of
from services.portals.login.sessions import Sessions
from services.portals.texts import language_of

logger = structlog.get_logger(__name__)

QUERY: Final = "formular"
"""The query parameter with the id of a stored page."""
EMPTY: Final = "tom"
"""Instead of an id: the form without what was typed before."""
LATEST: Final = "seneste"
"""Instead of an id: the form as it was last sent to the address, unless that is done."""
_KEPT_FOR: Final = timedelta(hours=1)
_MOST_BYTES: Final = 1_000_000
_REDIRECTED: Final = frozenset({303})
# Not these: a person must log in, a form was forged, or the server failed.
_STORED: Final = frozenset({200, 202, 404, 409, 413, 422, 429})
_OWN: Final = ("/login", "/logout")


@dataclass(frozen=True)
class ShownPage:
    """A page that answered a form.

    Attributes:
        path: the address without its query.
        posted: the names and values of the form.
    """

    path: str
    language: str
    status: int
    html: str
    posted: Sequence[tuple[str, str]]


@dataclass(frozen=True)
class ShownPages:
    """Stores the pages of each session."""

    store: SessionStore
    sessions: Sessions

    async def keep(self, session: Session, page_id: str, page: ShownPage) -> None:
        """Store a page under its id, and what was typed as the latest form of its path."""
        await self._add(session, page_id, page)
        await self.forget_latest(session, page.path)
        await self._add(session, LATEST, replace(page, html=""))

    async def find(self, session: Session, path: str, page_id: str) -> ShownPage | None:
        """The page, if this session has it."""
        key = _key(session, path, page_id)
        content = self.sessions.keys.content_of(await self.store.get(key), self.sessions.now(), "page", key)
        if content is None:
            return None
        posted = [(name, value) for name, value in content.pop("posted")]
        return ShownPage(**content, posted=posted)

    async def has_unfinished(self, session: Session, path: str) -> bool:
        """Whether a form of this path was sent and is not done; False also if that cannot be found out."""
        try:
            return await self.store.get(_key(session, path, LATEST)) is not None
        except PyMongoError:
            return False

    async def _add(self, session: Session, page_id: str, page: ShownPage) -> None:
        key = _key(session, page.path, page_id)
        encrypted = self.sessions.keys.encryptor.encrypt(json.dumps(asdict(page)), "page", key)
        await self.store.add(key, EncryptedRecord(encrypted, self.sessions.now() + _KEPT_FOR))

    async def forget_latest(self, session: Session, path: str) -> None:
        """The form of this path is done: it is not shown again as unfinished."""
        await self.store.take(_key(session, path, LATEST))


def _key(session: Session, path: str, page_id: str) -> str:
    return key_of(f"page:{session.key}:{path}:{page_id}")


def address_with(request: Request, page_id: str) -> str:
    """The address of this page with an id in place of the one that it has."""
    query = [(name, value) for name, value in request.query_params.multi_items() if name != QUERY]
    return f"{request.url.path}?{urlencode([*query, (QUERY, page_id)])}"


def address_of(request: Request) -> str:
    """The path and query of the page that answers a request; for a form, the address at which it is stored."""
    query = [(name, value) for name, value in request.query_params.multi_items() if name != QUERY]
    page_id = getattr(request.state, "page_id", None) or request.query_params.get(QUERY)
    if page_id and page_id != LATEST:
        query.append((QUERY, page_id))
    return f"{request.url.path}?{urlencode(query)}" if query else request.url.path


class ShownPagesMiddleware:
    """Redirects from the answer to a form to the stored answer, and shows stored answers."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith(_OWN):
            await self._app(scope, receive, send)
        elif scope["method"] == "POST":
            await self._answer_form(scope, receive, send)
        else:
            stored = await self._stored(Request(scope)) if scope["method"] == "GET" else None
            await (stored or self._app)(scope, receive, send)

    async def _stored(self, request: Request) -> Response | None:
        """The stored answer, if the request is for one in its language. What was typed is left to the page."""
        page_id = request.query_params.get(QUERY)
        portals = request.app.state.portals
        session: Session | None = await portals.guard.session_of(request) if page_id else None
        if page_id is None or session is None:
            return None
        try:
            page = await portals.shown_pages.find(session, request.url.path, page_id)
        except PyMongoError:
            return None
        if page is None:
            return None
        if page_id != LATEST and page.language in {"", language_of(request)}:
            language = {"Content-Language": page.language} if page.language else {}
            return HTMLResponse(page.html, page.status, language)
        request.state.typed = page.posted
        return None

    async def _answer_form(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope)
        request.state.page_id = str(uuid4())
        start: Message | None = None
        body = b""

        async def sending(message: Message) -> None:
            nonlocal start, body
            if message["type"] == "http.response.start":
                if message["status"] in _STORED and _is_html(message):
                    start = message
                    return
                if message["status"] in _REDIRECTED:
                    await self._forget(request)
            elif message["type"] == "http.response.body" and start is not None:
                body += message.get("body", b"")
                if not message.get("more_body", False):
                    await self._send_answer(request, start, body, receive, send)
                return
            await send(message)

        await self._app(scope, receive, sending)

    async def _send_answer(self, request: Request, start: Message, body: bytes, receive: Receive, send: Send) -> None:
        """The redirect to the stored answer; the answer itself if it cannot be stored."""
        if await self._keep(request, start, body):
            headers = MutableHeaders(scope=start)
            redirect = RedirectResponse(address_of(request), status_code=303)
            redirect.raw_headers += [(name, value) for name, value in headers.raw if name == b"set-cookie"]
            await redirect(request.scope, receive, send)
        else:
            await send(start)
            await send({"type": "http.response.body", "body": body})

    async def _keep(self, request: Request, start: Message, body: bytes) -> bool:
        form = getattr(request.state, "form", None)  # set once the form is known to be the session's own
        session = getattr(request.state, "session", None)
        if form is None or session is None or len(body) > _MOST_BYTES:
            return False
        language = Headers(raw=start["headers"]).get("content-language", "")
        page = ShownPage(request.url.path, language, start["status"], body.decode(), form.posted)
        try:
            await request.app.state.portals.shown_pages.keep(session, request.state.page_id, page)
        except PyMongoError as error:
            logger.warning("portals.page_not_kept", reason=type(error).__name__)
            return False
        return True

    async def _forget(self, request: Request) -> None:
        session = getattr(request.state, "session", None)
        if session is not None and getattr(request.state, "form", None) is not None:
            try:
                await request.app.state.portals.shown_pages.forget_latest(session, request.url.path)
            except PyMongoError as error:
                logger.warning("portals.page_not_forgotten", reason=type(error).__name__)


def _is_html(start: Message) -> bool:
    return Headers(raw=start["headers"]).get("content-type", "").startswith("text/html")
