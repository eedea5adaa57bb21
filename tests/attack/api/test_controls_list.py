"""S9: The list of controls does not give a municipality's whole register in one answer."""

from __future__ import annotations

import pytest

from tests.integration.scene import World, accepted, refused

MUNICIPALITY = "840"


def test_years_without_a_control_are_refused(world: World) -> None:
    caseworker = world.caseworker(MUNICIPALITY)
    accepted(caseworker.get("/v1/controls-due", year=2027), 200)
    for year in (2028, 2200):
        refused(caseworker.get("/v1/controls-due", year=year), 422, "invalid-request")


@pytest.mark.parametrize("limit", [0, 501])
def test_a_page_has_at_most_500_cards(world: World, limit: int) -> None:
    refused(world.caseworker(MUNICIPALITY).get("/v1/controls-due", limit=limit), 422, "invalid-request")


def test_pages_have_each_card_once_and_only_the_shown_ones_are_recorded(world: World) -> None:
    cards = [world.card(municipality=MUNICIPALITY) for _ in range(3)]
    caseworker = world.caseworker(MUNICIPALITY)
    first = accepted(caseworker.get("/v1/controls-due", year=2027, limit=2), 200)
    assert (len(first["cards"]), first["next"] is None) == (2, False)
    shown = {card["card_id"] for card in first["cards"]}
    for card in cards:
        log = accepted(card.owner.get("/v1/me/accesses", own="false"), 200)["accesses"]
        assert ("read-controls-due" in {entry["action"] for entry in log}) is (card.id in shown)

    found, cursor = [card["card_id"] for card in first["cards"]], first["next"]
    while cursor is not None:
        page = accepted(caseworker.get("/v1/controls-due", year=2027, limit=2, cursor=cursor), 200)
        found += [card["card_id"] for card in page["cards"]]
        cursor = page["next"]
    assert len(found) == len(set(found))
    assert {card.id for card in cards} <= set(found)
