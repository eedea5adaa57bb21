"""A caseworker deactivates, reactivates, renumbers or controls a card."""

from __future__ import annotations

from typing import Final

import httpx2
import pytest
from frikort_contracts.http.cards import (
    ControlResource,
)

from tests.portals import resources
from tests.portals.caseworker.resources import API, DEACTIVATED, HOME, card, confirm_form, open_summary
from tests.portals.reading import error_at, page_text
from tests.portals.site import KEY, Refusal, Site, send_form

DECISIONS: Final = [
    ("deaktivering", "deactivation", {"case_reference": "S-2"}, "virker ikke tilbage i tiden"),
    ("genaktivering", "reactivation", {"case_reference": "S-2"}, "ikke tilbage i tiden"),
    ("nyt-nummer", "number", {"reason": "lost"}, "Det gamle nummer kan ikke bruges mere"),
    ("kontrol", "controls", {"result": "not-upheld"}, "Registreringen lukker ikke frikortet"),
]


@pytest.mark.parametrize(("kind", "command", "typed", "explanation"), DECISIONS)
async def test_a_decision_is_explained_before_it_is_sent(
    site: Site, client_with_reason: httpx2.AsyncClient, kind: str, command: str, typed: dict[str, str], explanation: str
) -> None:
    path = f"{HOME}/beslutning/{kind}"
    site.answer("POST", f"{API}/{command}", card())
    assert explanation in await open_summary(client_with_reason, site, path, **typed)

    done = await confirm_form(client_with_reason, path, **typed)
    assert done.headers["location"] == f"{path}/kvittering"
    assert site.commands() == [(f"{API}/{command}", typed, KEY)]
    assert "Det sker der nu" in page_text(await client_with_reason.get(f"{path}/kvittering"))


@pytest.mark.parametrize(("kind", "command", "typed", "explanation"), DECISIONS)
async def test_a_decision_with_an_empty_field_shows_the_error_at_the_field(
    site: Site, client_with_reason: httpx2.AsyncClient, kind: str, command: str, typed: dict[str, str], explanation: str
) -> None:
    page = await send_form(client_with_reason, f"{HOME}/beslutning/{kind}")
    assert page.status_code == 422
    assert error_at(page, next(iter(typed)))
    assert site.commands() == []


@pytest.mark.parametrize(
    ("kind", "command", "typed", "refusal", "text"),
    [
        (*DECISIONS[0][:3], Refusal("card-already-deactivated"), "Frikortet er allerede deaktiveret"),
        (*DECISIONS[1][:3], Refusal("card-already-active"), "Frikortet er allerede aktivt"),
        (*DECISIONS[2][:3], Refusal("card-numbers-exhausted"), "Vi kunne ikke finde et ledigt frikortnummer"),
        (*DECISIONS[3][:3], Refusal("control-not-due", {"due": 2028}), "senest i 2028"),
        (
            *DECISIONS[0][:3],
            Refusal("invalid-request", errors=(("/case_reference", "value_error", ""),)),
            "intet CPR-nummer",
        ),
    ],
)
async def test_a_refused_decision_shows_the_error_and_keeps_the_input(
    site: Site,
    client_with_reason: httpx2.AsyncClient,
    kind: str,
    command: str,
    typed: dict[str, str],
    refusal: Refusal,
    text: str,
) -> None:
    site.answer("POST", f"{API}/{command}", refusal)
    page = await confirm_form(client_with_reason, f"{HOME}/beslutning/{kind}", **typed)
    assert page.status_code >= 400
    assert text in page_text(page)
    assert f'value="{next(iter(typed.values()))}"' in page.text


async def test_a_control_that_is_not_due_shows_the_error_at_the_result(
    site: Site, client_with_reason: httpx2.AsyncClient
) -> None:
    site.answer("POST", f"{API}/controls", Refusal("control-not-due", {"due": 2028}))
    assert error_at(await confirm_form(client_with_reason, f"{HOME}/beslutning/kontrol", result="upheld"), "result")


async def test_the_receipt_of_a_deactivation_names_the_last_day(
    site: Site, client_with_reason: httpx2.AsyncClient
) -> None:
    site.answer("GET", API, DEACTIVATED)
    assert "Frikortets sidste dag er 22. november 2026" in page_text(
        await client_with_reason.get(f"{HOME}/beslutning/deaktivering/kvittering")
    )


async def test_a_control_that_was_not_upheld_leads_to_the_deactivation(
    site: Site, client_with_reason: httpx2.AsyncClient
) -> None:
    site.answer("GET", API, card(last_control=ControlResource(year=2026, result="not-upheld", at=resources.NOON)))
    page = await client_with_reason.get(f"{HOME}/beslutning/kontrol/kvittering")
    assert f'href="{HOME}/beslutning/deaktivering"' in page.text
