"""The caseworkers' portal: the cards of the citizens that their municipality is responsible for."""

from __future__ import annotations

from fastapi import APIRouter

from services.portals.caseworker import card, controls, decisions, disputes, hand_over, inbox, issue, mandates, search

router = APIRouter()
for module in (search, issue, inbox, controls, card, decisions, hand_over, mandates, disputes):
    router.include_router(module.router)
