"""Find a citizen, always for a stated reason."""

from __future__ import annotations

from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Query
from frikort_contracts.http.cards import CardResource
from starlette.responses import Response

from services.portals.api import Api, Refused
from services.portals.caseworker import fields
from services.portals.caseworker.card_context import FOLLOWING, begin
from services.portals.caseworker.issue import ISSUE
from services.portals.forms import Fields
from services.portals.page import CaseworkerPage

router = APIRouter()

SEARCH: Final[Fields] = {"person": fields.cpr_or_card_number(), **fields.WHY}


@router.get("/kommune")
async def search(page: CaseworkerPage) -> Response:
    """The caseworker's first page."""
    return page.render("caseworker/search.html", form=page.form(SEARCH), reasons=fields.REASONS, issue_form=None)


@router.post("/kommune")
async def find(page: CaseworkerPage) -> Response:
    """To the card, if the municipality is responsible for it; otherwise what to do, which is often to issue one."""
    form, issue_form = await page.posted(SEARCH), None
    reason = fields.reason_of(form)
    if form.valid:
        try:
            found = await page.api.with_reason(reason).post("/v1/cards/search", form.body["person"], CardResource)
        except Refused as refused:
            if refused.code == "card-unknown":
                cpr = form.body["person"].get("cpr")
                issue_form = page.form(ISSUE, {} if cpr is None else {"cpr": cpr})
            else:
                form.refuse(refused)
        else:
            return begin(page, found.card_id, reason)
    return page.render("caseworker/search.html", form=form, reasons=fields.REASONS, issue_form=issue_form)


@router.get("/kommune/frikort/{card_id}/begrundelse")
async def why(card_id: UUID, page: CaseworkerPage) -> Response:
    """Asks for the reason when a caseworker opens a card without a search, or in a new session."""
    return page.render("caseworker/reason.html", form=page.form(fields.WHY), reasons=fields.REASONS)


@router.post("/kommune/frikort/{card_id}/begrundelse")
async def state_why(
    card_id: UUID, page: CaseworkerPage, following: Annotated[str, Query(alias=FOLLOWING, max_length=2000)] = ""
) -> Response:
    """To the card."""
    form = await page.posted(fields.WHY)
    reason = fields.reason_of(form)
    if form.valid:
        refused = await _refusal(page.api.with_reason(reason), card_id)
        if refused is None or refused.code != "case-number-required":
            return begin(page, str(card_id), reason, following)
        form.refuse(refused)
    return page.render("caseworker/reason.html", form=form, reasons=fields.REASONS)


async def _refusal(api: Api, card_id: UUID) -> Refused | None:
    """Why the API does not show the card for the reason; None if it does."""
    try:
        await api.get(f"/v1/cards/{card_id}", CardResource)
    except Refused as refused:
        return refused
    return None
