"""What a view function gets: the session, the language, the API, and the ways to respond."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property, partial
from gettext import NullTranslations
from typing import Annotated, Any, Final
from urllib.parse import parse_qsl, urlencode

from fastapi import Depends
from frikort_contracts.http.roles import Role
from frikort_contracts.municipalities import MUNICIPALITIES
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from services.portals.api import Api, Query
from services.portals.container import container_of
from services.portals.formats import Language
from services.portals.forms import KEY, TOKEN, Fields, Form, empty_form, read_form, restored_form
from services.portals.login.access_tokens import SessionEnded
from services.portals.login.drafts import DRAFT_QUERY, FormOwner, Posted
from services.portals.login.session import Session
from services.portals.registry import PORTALS, PUBLIC, Portal
from services.portals.rendering import environment
from services.portals.shown_pages import EMPTY, LATEST, QUERY, address_of, address_with
from services.portals.texts import language_of, translations
from services.runtime.web.methods import PathMethods
from services.runtime.web.requests import note_problem

_NOT_TYPED: Final = frozenset({TOKEN, "step"})
_SAFE: Final = frozenset({"GET", "HEAD"})


class SignInFirst(Exception):
    """The page needs a signed-in user, and the request has no session."""

    def __init__(self, page: Page) -> None:
        super().__init__("no one is signed in")
        self.page = page


class WrongPortal(Exception):
    """The user is signed in in another role than the page is for."""

    def __init__(self, page: Page) -> None:
        super().__init__("signed in in another role")
        self.page = page


class RespondWith(Exception):
    """Answer the request with ``response`` instead of the page, for example a redirect to a form that comes first."""

    def __init__(self, response: Response) -> None:
        super().__init__("another response")
        self.response = response


@dataclass(frozen=True)
class Page:
    """A request for a page. ``draft``: what the person typed on it before, and is shown again.

    ``has_unfinished``: what was last typed on the page was sent, is not done, and is not shown.
    """

    request: Request
    language: Language
    session: Session | None
    api: Api
    draft: Posted | None = None
    has_unfinished: bool = False

    @property
    def portal(self) -> Portal:
        """The portal of the page, by its address."""
        path = f"{self.request.url.path}/"
        return next((portal for portal in PORTALS.values() if path.startswith(f"{portal.home}/")), PUBLIC)

    @property
    def active_entry(self) -> str:
        """The entry of the main menu that the page belongs to: the longest path that its own begins with."""
        own = f"{self.request.url.path}/"
        entries = [path for path, _ in self.portal.navigation if own.startswith(path if path == "/" else f"{path}/")]
        return max(entries, key=len, default="")

    @property
    def acts_for(self) -> str:
        """The organisation that the signed-in person acts for; empty for a citizen and without a session."""
        session = self.session
        if session is None or not session.organisation:
            return ""
        if session.role is Role.EMPLOYER:
            return ", ".join(filter(None, (session.organisation_name, f"CVR {session.organisation}")))
        return MUNICIPALITIES.get(session.organisation, session.organisation.upper())

    @property
    def here(self) -> str:
        """The path and query of this page; of one that answers a form, where it is stored."""
        return address_of(self.request)

    @property
    def shows_latest(self) -> bool:
        """Whether the page shows what was last typed on it."""
        return self.draft is not None and self.request.query_params.get(QUERY) == LATEST

    @property
    def latest_address(self) -> str:
        """The page with what was last typed on it."""
        return address_with(self.request, LATEST)

    @property
    def empty_address(self) -> str:
        """The page without what was typed before."""
        return address_with(self.request, EMPTY)

    @property
    def seconds_left(self) -> int:
        """Seconds until the session ends. The browser counts them down, because its clock may be wrong."""
        return 0 if self.session is None else int((self.session.ends_at - datetime.now(UTC)).total_seconds())

    @property
    def sign_in(self) -> str:
        """The address at which to sign in; the user comes back to this page."""
        return f"/login?{urlencode({'next': self.here})}"

    @cached_property
    def translations(self) -> NullTranslations:
        """The catalogue of the page's language."""
        return translations(self.language)

    def gettext(self, text: str, **values: Any) -> str:
        """``text`` (Danish) in the page's language, ``%(name)s`` in it replaced by ``values``."""
        translated = self.translations.gettext(text)
        return translated % values if values else translated

    def render(self, template: str, /, status: int | None = None, **context: Any) -> HTMLResponse:
        """The template with ``page`` and ``context``. The status is that of ``form``, else 200."""
        if status is None:
            form = context.get("form")
            status = form.status if isinstance(form, Form) else 200
            if isinstance(form, Form) and status >= 400:
                note_problem(self.request, form.problem or "invalid-request")
        content = environment(self.language).get_template(template).render(page=self, **context)
        return HTMLResponse(content, status_code=status, headers={"Content-Language": self.language})

    def redirect(self, path: str) -> RedirectResponse:
        """See another page (303), so that a reload of it sends no form again. A draft of the form is discarded."""
        draft_id = self.request.query_params.get(DRAFT_QUERY)
        discard = None
        if draft_id is not None and not is_safe(self.request):
            discard = BackgroundTask(container_of(self.request).drafts.discard, draft_id)
        return RedirectResponse(path, status_code=303, background=discard)

    async def kept_form(self) -> str | None:
        """Keep the form that was sent for the person for whom it was made. Returns the address that shows it again.

        None if it was not made here, or nothing was typed. A file is not kept, nor read: the session has ended.
        """
        if self.request.headers.get("content-type", "").startswith("multipart/"):
            return None
        portals = container_of(self.request)
        form = await self.request.form()
        owner = portals.guard.form_owner(self.request, form)
        posted = [(name, value) for name, value in form.multi_items() if isinstance(value, str)]
        return None if owner is None else await keep_draft(self.request, owner, self.here, posted)

    async def forward(self, path: str, **query: Query) -> Response:
        """A file of the API, passed on unbuffered. Raises ``Refused``."""
        return await self.api.forward(self.request.headers, path, query=query)

    async def forward_answer(self, path: str, body: Any, api: Api) -> Response:
        """The file with which the API answers ``body``, passed on unbuffered. Raises ``Refused``."""
        return await api.forward(self.request.headers, path, body=body, query={})

    async def forward_events(self, path: str, **query: Query) -> Response:
        """An event stream of the API, passed on until the session ends. Raises ``Refused``."""
        portals = container_of(self.request)

        async def session_active() -> bool:
            return self.session is not None and await portals.guard.is_active(self.session)

        return await self.api.forward(
            self.request.headers, path, is_active=session_active, stopping=portals.stopping, query=query
        )

    def form(self, fields: Fields | None = None, values: Mapping[str, Any] | None = None) -> Form:
        """A form to fill in, with ``values`` filled in, or with what the person typed before."""
        if self.draft is not None:
            return restored_form(fields or {}, self.draft, **self._about_form())
        return empty_form(fields or {}, values or {}, **self._about_form())

    async def posted(self, fields: Fields | None = None) -> Form:
        """The form that was sent. Raises ``ProblemError`` unless it was made in this session."""
        data = await self.request.form()
        if self.session is not None:
            container_of(self.request).guard.check_form(self.request, self.session, data)
        form = read_form(fields or {}, data, **self._about_form())
        self.request.state.form = form
        return form

    def _about_form(self) -> dict[str, Any]:
        token = "" if self.session is None else self.session.form_token
        return {"language": self.language, "translations": self.translations, "token": token}


async def page_of(request: Request) -> Page:
    """A dependency: a page for everyone. Its API client has no token and reads only public resources."""
    portals = container_of(request)
    session = await portals.guard.session_of(request, active=not is_background_request(request))
    language = language_of(request)
    return Page(request, language, session, Api(portals.gateway, None, language, request.state.correlation_id))


def page_for(role: Role) -> Callable[..., Awaitable[Page]]:
    """A dependency: a page for a user who is signed in in ``role``. Raises ``SignInFirst`` and ``WrongPortal``."""

    async def dependency(page: Annotated[Page, Depends(page_of)]) -> Page:
        if page.session is None:
            raise SignInFirst(page)
        if page.session.role is not role:
            raise WrongPortal(page)
        try:
            token = await container_of(page.request).guard.access_token_of(page.session)
        except SessionEnded:
            raise SignInFirst(replace(page, session=None)) from None
        api = replace(
            page.api, token=token, renew=partial(container_of(page.request).guard.renewed_token_of, page.session)
        )
        return replace(
            page,
            api=api,
            draft=await _draft_of(page.request, page.session),
            has_unfinished=await _has_unfinished(page.request, page.session),
        )

    return dependency


async def _draft_of(request: Request, session: Session) -> Posted | None:
    """What was typed on the page: before a login, in another language, or before Back."""
    typed: Posted | None = getattr(request.state, "typed", None)
    draft_id = request.query_params.get(DRAFT_QUERY)
    if typed is not None or draft_id is None or not is_safe(request):
        return typed
    owner = FormOwner(session.subject, session.role)
    return await container_of(request).drafts.find(draft_id, owner, request.url.path)


async def _has_unfinished(request: Request, session: Session) -> bool:
    """Whether the latest form of the page is not done, for a request that names no form."""
    query = request.query_params
    if request.method != "GET" or QUERY in query or DRAFT_QUERY in query or is_background_request(request):
        return False
    methods: PathMethods = request.app.state.methods
    takes_forms = methods.has("POST", request.url.path)  # most pages do not, and need no read of the database
    return takes_forms and await container_of(request).shown_pages.has_unfinished(session, request.url.path)


async def keep_draft(request: Request, owner: FormOwner, address: str, posted: Posted) -> str | None:
    """Keep a form of the page at the local ``address``. Returns the address that shows it again.

    None if nothing was typed.
    """
    typed = [(name, value) for name, value in posted if name not in _NOT_TYPED]
    if not any(name != KEY and value for name, value in typed):
        return None
    path, _, query = address.partition("?")
    draft_id = await container_of(request).drafts.keep(owner, path, typed)
    others = [(name, value) for name, value in parse_qsl(query) if name not in {DRAFT_QUERY, QUERY}]
    return f"{path}?{urlencode([*others, (DRAFT_QUERY, draft_id)])}"


def is_safe(request: Request) -> bool:
    """Whether the method is safe (RFC 9110): the request changes nothing."""
    return request.method in _SAFE


def is_background_request(request: Request) -> bool:
    """Whether a script of the page made the request, not the user. Such requests do not keep a session alive."""
    return "hx-request" in request.headers or "text/event-stream" in request.headers.get("accept", "")


OpenPage = Annotated[Page, Depends(page_of)]
CitizenPage = Annotated[Page, Depends(page_for(Role.CITIZEN))]
EmployerPage = Annotated[Page, Depends(page_for(Role.EMPLOYER))]
CaseworkerPage = Annotated[Page, Depends(page_for(Role.CASEWORKER))]
AuthorityPage = Annotated[Page, Depends(page_for(Role.AUTHORITY))]
AuditorPage = Annotated[Page, Depends(page_for(Role.AUDITOR))]
