"""Search the audit log, and fetch what is found as a file."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import urlencode

from fastapi import APIRouter
from frikort_contracts.http.audit import AuditEntries, access_reason
from frikort_contracts.rules import reading
from starlette.responses import Response

from services.portals.api import Api, Refused
from services.portals.common.accesses import PURPOSES
from services.portals.forms import Field, Fields, Form, choice, day, parse_cpr, text
from services.portals.page import AuditorPage, Page
from services.portals.texts import N_

router = APIRouter()

HOME: Final = "/revision"
ROLES: Final = {
    "caseworker": N_("Sagsbehandler"),
    "employer": N_("Virksomhed"),
    "citizen": N_("Borger eller fuldmagtshaver"),
    "authority": N_("Myndighed"),
    "auditor": N_("Revision"),
}
ABOUT: Final = {
    "card": N_("et frikort"),
    "person": N_("en person uden frikort"),
    "extract": N_("alle i et udtræk"),
    "year": N_("alle med løn i et år"),
    "number": N_("et nummer, som intet frikort har"),
    "log": N_("loggen"),
}
_ON_A_PAGE: Final = 50


def _person() -> Field:
    return Field(
        lambda typed, _: _person_of(typed),
        lambda value, _: str(value),
        "",
        N_("Skriv et CPR-nummer med ti cifre, et frikortnummer med fem cifre eller et frikort-id fra listen."),
        optional=True,
    )


SEARCH: Final[Fields] = {
    "person": _person(),
    "role": choice(*ROLES, optional=True),
    "organisation": text(optional=True),
    "actor": text(optional=True),
    "reason": text(optional=True),
    "first": day(optional=True),
    "last": day(optional=True),
    "why": text(missing=N_("Skriv, hvorfor du gennemgår loggen.")),
}


@router.get(HOME)
async def search(page: AuditorPage) -> Response:
    """What to search for."""
    return _shown(page, page.form(SEARCH), None)


@router.post(HOME)
async def find(page: AuditorPage) -> Response:
    """A page of the entries that were found, or all of them as a file."""
    form = await page.posted(SEARCH)
    given = await page.request.form()
    api, entries = _with_reason(page.api, form), None
    if form.valid:
        body = _body(form)
        try:
            if given.get("step") == "export":
                return await page.forward_answer("/v1/audit/export", body, api)
            query = {"limit": str(_ON_A_PAGE), "cursor": str(given.get("cursor", ""))}
            entries = await api.post(f"/v1/audit/search?{urlencode(query)}", body, AuditEntries)
        except Refused as refused:
            form.refuse(refused)
    return _shown(page, form, entries)


def _shown(page: Page, form: Form, entries: AuditEntries | None) -> Response:
    return page.render("auditor/search.html", form=form, entries=entries, roles=ROLES, about=ABOUT, purposes=PURPOSES)


def _body(form: Form) -> dict[str, Any]:
    body = {name: value for name, value in form.body.items() if name not in {"person", "why"}}
    return {**body, **form.body.get("person", {})}


def _with_reason(api: Api, form: Form) -> Api:
    try:
        return api.with_reason(access_reason(form.body["why"])) if "why" in form.body else api
    except ValueError:
        wrong = N_("Skriv det kort, højst 200 tegn, og uden CPR-nummer og navn. Borgeren kan læse det.")
        form.add_error("why", form.translations.gettext(wrong))
        return api


def _person_of(typed: str) -> dict[str, str]:
    if len(typed) == len("8f0c3a52-7b8e-4a53-9c59-0d6f4c6a1b11") and typed.count("-") == 4:
        return {"card_id": typed}
    try:
        return {"card_number": reading.card_number(typed)}
    except ValueError:
        return {"cpr": parse_cpr(typed)}
