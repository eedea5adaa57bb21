"""The portals with a fake API that generates its responses from its own models, with hostile text in every string.

A new page needs no new response. ``PageReader`` reads the forms, addresses and scripts of a page.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from enum import Enum
from functools import cache
from html.parser import HTMLParser
from itertools import chain, count
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin

import httpx2
from fastapi.dependencies.utils import get_flat_params
from fastapi.params import Path, Query
from fastapi.routing import RouteContext, iter_route_contexts
from frikort_contracts.extract_files import FileFormat
from frikort_contracts.http.reports import ReportHistory
from frikort_contracts.http.roles import Role
from frikort_contracts.reporting import AnswerReason, CorrectionReason, DisputeDecision, DisputeEnd, DisputeReason
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match

from services.gateway.app import application_factory
from services.portals import auditor, authority, caseworker, citizen, common, employer, public
from services.portals.login.session import Session
from services.portals.login.session_guard import SessionGuard
from services.portals.registry import PORTALS
from services.runtime.service import Runtime
from tests.gateway.build import settings
from tests.portals.site import Refusal, Site

HOSTILE: Final = """<script>alert(1)</script>" onfocus="alert(2)' {{ 7 * 7 }}"""
ID: Final = "8f0c3a52-7b8e-4a53-9c59-0d6f4c6a1b11"
VARIANTS: Final = range(6)
EMPTY: Final = VARIANTS[-1]
_WRITES: Final = frozenset({"POST", "PUT"})
_MOMENT: Final = datetime(2025, 3, 31, 12, tzinfo=UTC)
_YEAR: Final = 2025
_NEVER_EMPTY: Final = frozenset({"active_periods", "history"})
_NEVER_ZERO: Final = frozenset({"allowance_ore", "wage_ore", "total_ore"})
_CODES: Final = {  # texts from a fixed list
    "event": ("issued", "deactivated", "reactivated", "number-replaced", "handed-over", "control-recorded"),
    "threshold": ("near", "reached", "exceeded"),
    "format": tuple(FileFormat),
}
_HISTORY: Final[dict[str, Iterable[str | None]]] = {
    "reported": (None,),
    "corrected": CorrectionReason,
    "disputed": DisputeReason,
    "dispute-answered": AnswerReason,
    "dispute-decided": DisputeDecision,
    "dispute-ended": DisputeEnd,
    "withdrawn": CorrectionReason,
}
_ADDRESSES: Final = frozenset({"href", "src", "action", "formaction", "hx-get", "hx-post", "sse-connect"})
_FORMS_OF_EVERY_PAGE: Final = frozenset({"/logout", "/login/forlaeng"})
_TEXTUAL: Final = frozenset({"text", "search", "email", "tel", "password", "url"})


@dataclass(frozen=True)
class PortalRoute:
    """A page: its method, an address with values for the parameters, and the names of all parameters."""

    method: str
    path: str
    parameters: tuple[str, ...]

    @property
    def role(self) -> Role | None:
        """The role that the address belongs to; None for a public page."""
        return next((role for role, portal in PORTALS.items() if f"{self.path}/".startswith(f"{portal.home}/")), None)

    def __str__(self) -> str:
        return f"{self.method} {self.path.replace(ID, 'id')}"


def portal_routes() -> Iterator[PortalRoute]:
    """Every page of every part, once for each value of a parameter with a fixed list of values."""
    parts = (common, public, citizen, employer, caseworker, authority, auditor)
    for context in chain.from_iterable(iter_route_contexts(part.router.routes) for part in parts):
        parameters = get_flat_params(context.dependant)
        choices = {one.alias: one.field_info.annotation for one in parameters if isinstance(one.field_info, Path)}
        queries = [one.alias for one in parameters if isinstance(one.field_info, Query)]
        paths = [str(context.path)]
        named = re.findall(r"{(\w+)}", paths[0])
        for name in named:
            values = _in_path(name, choices.get(name, str))
            paths = [path.replace(f"{{{name}}}", value) for path in paths for value in values]
        for method in sorted(context.methods or ()):
            yield from (PortalRoute(method, path, (*named, *queries)) for path in paths)


def _in_path(name: str, annotation: Any) -> list[str]:
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return [str(one.value) for one in annotation]
    known = {"year": str(_YEAR), "aar": str(_YEAR), "municipality": "101", "month": "6"}
    return [known.get(name, ID)]


class GeneratedSite(Site):
    """A site whose API responds to every request with generated resources.

    Attributes:
        variant: which of the possible values the resources have (``EMPTY``: all lists are empty).
        refuses: whether the API refuses all commands.
    """

    def __init__(self) -> None:
        super().__init__()
        self.variant = 0
        self.refuses = False
        self._streaming = False
        login = self.portals.login
        self._real_guard = SessionGuard(
            login.sessions, login.form_tokens, login.access_tokens, self.portals.settings.public_url
        )

    @contextmanager
    def served(self) -> Iterator[str]:
        """Serve the site. Event streams stay open only while it is served."""
        self._streaming = True
        try:
            with super().served() as address:
                yield address
        finally:
            self._streaming = False
            self._streams.clear()

    def check_form(self, request: Request, session: Session, form: Mapping[str, Any]) -> None:
        self._real_guard.check_form(request, session, form)  # the real check, because it is under test

    async def _api(self, request: Request) -> Response:
        if self._streaming and request.url.path.endswith("/changes"):
            self.answer_stream(request.url.path, b"event: changed\ndata: {}\n\n")
        key = (request.method, request.url.path, frozenset[tuple[str, str]]())
        if request.method in _WRITES and self.refuses:
            self._answers[key] = Refusal("invalid-request")
        else:
            model = self._model(request)
            if model is None:
                self._answers[key] = 200, HOSTILE.encode(), "text/csv"
            else:
                made = ResourceFactory(self.variant, last_page="cursor" in request.query_params).make(model)
                self._answers[key] = 200, made.model_dump_json().encode(), "application/json"
        return await super()._api(request)

    def _model(self, request: Request) -> type[BaseModel] | None:
        for route in _api_routes():
            matched, _ = route.original_route.matches(dict(request.scope))
            if matched is Match.FULL:
                found: type[BaseModel] | None = route.response_model
                return found
        raise LookupError(f"a page calls {request.method} {request.url.path}, which the API does not have")


@cache
def _api_routes() -> list[RouteContext]:
    chosen = settings()
    app = application_factory(chosen, Runtime(service="gateway", settings=chosen))
    return [one for one in iter_route_contexts(app.routes) if str(one.path).startswith("/v1/")]


@dataclass
class ResourceFactory:
    """Generates a resource from its model, with hostile text in every string that people can write."""

    variant: int
    last_page: bool
    _number: Iterator[int] = field(default_factory=count)
    _place: int = 0

    def make(self, model: type[BaseModel]) -> Any:
        known = self._history() if model is ReportHistory else {}
        fields = model.model_fields.items()
        made = {name: self._of(info.annotation, name) for name, info in fields if name not in known}
        return model.model_validate({**made, **known})

    def _history(self) -> dict[str, Any]:
        """A line of a report's history, with a reason that fits its event."""
        event = list(_HISTORY)[next(self._number) % len(_HISTORY)]
        amount = {} if _HISTORY[event] in (DisputeReason, DisputeEnd) else {"total_ore": 750_000}
        return {"event": event, "reason": self._one_of(_HISTORY[event]), "total_ore": None, **amount}

    def _one_of(self, options: Iterable[Any]) -> Any:
        every = list(options)
        return every[self.variant % len(every)]

    def _of(self, annotation: Any, name: str) -> Any:
        origin, arguments = get_origin(annotation), get_args(annotation)
        if origin is Annotated:
            return self._of(arguments[0], name)
        if origin in (Union, UnionType):
            given = [one for one in arguments if one is not NoneType]
            nothing = NoneType in arguments and (self.variant % 2 == 1 or (name == "next" and self.last_page))
            return None if nothing else self._of(self._one_of(given), name)
        if origin is Literal:
            return self._one_of(arguments)
        if origin is list:
            empty = self.variant == EMPTY and name not in _NEVER_EMPTY
            return [] if empty else [self._item(arguments[0], name, place) for place in range(5)]
        if origin is dict:
            return {}
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            return self.make(annotation)
        return self._plain(annotation, name)

    def _item(self, annotation: Any, name: str, place: int) -> Any:
        """An item of a list. Reports get different ids; the first has the id that is used in addresses."""
        self._place = place
        made = self._of(annotation, name)
        self._place = 0
        return made

    def _plain(self, annotation: Any, name: str) -> Any:
        if isinstance(annotation, type) and issubclass(annotation, Enum):
            return self._one_of(annotation)
        if annotation is bool:
            return self.variant % 2 == 0
        if annotation is int:
            zero = self.variant == 1 and name not in _NEVER_ZERO
            many = name.endswith("_ore") or name == "lines"  # other numbers count some of the lines
            return _YEAR if name == "year" else 0 if zero else 750_000 + next(self._number) if many else 7
        if annotation is date:
            return _MOMENT.date()
        if annotation is datetime:
            return _MOMENT
        if annotation is str:
            if name == "report_id":
                return f"{ID[:-1]}{1 + self._place}"
            return ID if name.endswith("_id") else self._one_of(_CODES.get(name, (HOSTILE,)))
        raise TypeError(f"no value is known for {annotation} ({name})")


@dataclass
class Input:
    """A field of a form in a page."""

    name: str
    kind: str
    value: str = ""


@dataclass
class HtmlForm:
    """A form in a page. ``buttons`` has the names and values of the buttons that have a name."""

    method: str
    action: str
    inputs: list[Input] = field(default_factory=list)
    buttons: list[tuple[str, str]] = field(default_factory=list)

    @property
    def texts(self) -> set[str]:
        """The names of the text fields."""
        return {one.name for one in self.inputs if one.kind == "text"}

    def filled(self, typed: Mapping[str, str], otherwise: str = HOSTILE) -> dict[str, str]:
        """The values to send: ``typed`` in the text fields that it names, ``otherwise`` in the other text fields."""
        return {one.name: typed.get(one.name, otherwise) if one.kind == "text" else one.value for one in self.inputs}


class PageReader(HTMLParser):
    """Reads a page: its forms, its addresses, and the scripts in it."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.forms: list[HtmlForm] = []
        self.addresses: list[str] = []
        self.scripts: list[str] = []
        self._script = False
        self._area: Input | None = None
        self._choice: Input | None = None
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.scripts += [f"{name}={value}" for name, value in given.items() if name.startswith("on")]
        self.addresses += [
            given[name] for name in ("href", "src", "action", "hx-get", "hx-post", "sse-connect") if name in given
        ]
        if tag == "script":
            self._script = "src" not in given
        elif tag == "form":
            self.forms.append(HtmlForm(given.get("method", "get"), given.get("action", "")))
        elif self.forms:
            self._field(tag, given)

    def handle_endtag(self, tag: str) -> None:
        if tag == "script":
            self._script = False
        elif tag == "textarea":
            self._area = None
        elif tag == "select":
            self._choice = None

    def handle_data(self, data: str) -> None:
        if self._script and data.strip():
            self.scripts.append(data)
        if self._area is not None:
            self._area.value += data.removeprefix("\n")

    def _field(self, tag: str, given: dict[str, str]) -> None:
        form, name, value = self.forms[-1], given.get("name", ""), given.get("value", "")
        known = {one.name: one for one in form.inputs}
        kind = given.get("type", "text")
        if tag == "button" and name:
            form.buttons.append((name, value))
        elif tag == "textarea":
            self._area = Input(name, "text")
            form.inputs.append(self._area)
        elif tag == "select":
            self._choice = Input(name, "choice")
            form.inputs.append(self._choice)
        elif tag == "option" and self._choice is not None:
            # The selected option, else the first with a value.
            if "selected" in given or not self._choice.value:
                self._choice.value = value
        elif tag == "input" and kind in ("radio", "checkbox"):
            if name not in known:
                form.inputs.append(Input(name, "choice", value))
            elif "checked" in given:
                known[name].value = value
        elif tag == "input" and kind != "file":
            form.inputs.append(Input(name, "text" if kind in _TEXTUAL else kind, value))


async def open_page(client: httpx2.AsyncClient, path: str) -> httpx2.Response:
    """The page. If it redirects to a page with a form, the form is sent first with its first options."""
    answer = await client.get(path)
    if answer.status_code == 303:
        before = answer.headers["location"]
        for form in own_forms((await client.get(before)).text):
            await client.post(before, data=form.filled({}, ""))
            answer = await client.get(path)
    return answer


def own_forms(html: str) -> list[HtmlForm]:
    """The forms of a page without those that every page has."""
    return [
        form
        for form in PageReader(html).forms
        if form.method == "post" and form.action not in ("/logout", "/login/forlaeng")
    ]
