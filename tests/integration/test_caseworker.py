"""What a caseworker can do with the cards of the own municipality."""

from __future__ import annotations

from datetime import date

from tests.integration.scene import (
    ELSEWHERE,
    HOME,
    ISSUED,
    SECRET,
    World,
    accepted,
    employment_body,
    issue_body,
    refused,
)


def test_an_issued_card_is_active_and_has_a_five_digit_number(world: World) -> None:
    world.on(ISSUED)
    citizen = world.citizen()
    issued = accepted(world.caseworker().post("/v1/cards", issue_body(citizen)), 201)
    assert issued.headers["location"] == f"/v1/cards/{issued['card_id']}"
    assert len(issued["number"]) == 5
    assert issued["number"] != "00000"
    assert issued["status"] == "active"
    assert issued["active_periods"] == [{"first": "2025-01-06", "last": None}]
    assert (issued["cpr"], issued["name"]) == (citizen.cpr, citizen.name)
    assert issued["municipality"] == {"code": "101", "name": "København"}
    assert issued["control_due"] == 2027
    assert [entry["event"] for entry in issued["history"]] == ["issued"]


def test_a_cpr_number_with_a_hyphen_is_the_same_citizen(world: World) -> None:
    card = world.card()
    hyphened = f"{card.citizen.cpr[:6]}-{card.citizen.cpr[6:]}"
    found = accepted(card.caseworker.post("/v1/cards/search", {"cpr": hyphened}), 200)
    assert found["card_id"] == card.id


def test_a_card_is_found_by_cpr_number(world: World) -> None:
    card = world.card()
    assert accepted(card.caseworker.post("/v1/cards/search", {"cpr": card.citizen.cpr}), 200)["card_id"] == card.id


def test_a_card_is_found_by_its_number(world: World) -> None:
    card = world.card()
    assert accepted(card.caseworker.post("/v1/cards/search", {"number": card.number}), 200)["card_id"] == card.id


def test_a_card_is_read_by_its_id(world: World) -> None:
    card = world.card()
    assert accepted(card.caseworker.get(card.path), 200)["number"] == card.number


def test_a_colleague_of_the_same_municipality_sees_the_card(world: World) -> None:
    card = world.card()
    assert accepted(world.caseworker(HOME).get(card.path), 200)["card_id"] == card.id


def test_another_municipality_cannot_find_the_card(world: World) -> None:
    card, other = world.card(), world.caseworker(ELSEWHERE)
    refused(other.get(card.path), 404, "card-unknown")
    refused(other.post("/v1/cards/search", {"cpr": card.citizen.cpr}), 404, "card-unknown")
    refused(other.post("/v1/cards/search", {"number": card.number}), 404, "card-unknown")
    for page in ("balances", "employments", "reports"):
        refused(other.get(f"{card.path}/{page}"), 404, "card-unknown")


def test_another_municipality_cannot_change_the_card(world: World) -> None:
    card, other = world.card(), world.caseworker(ELSEWHERE)
    before = card.caseworker.get(card.path).body
    for path, body in (
        ("deactivation", {"case_reference": "x"}),
        ("reactivation", {"case_reference": "x"}),
        ("number", {"reason": "lost"}),
        ("hand-over", {"to_municipality": ELSEWHERE}),
        ("controls", {"result": "upheld"}),
    ):
        refused(other.post(f"{card.path}/{path}", body), 404, "card-unknown")
    assert card.caseworker.get(card.path).body == before


def test_a_deactivated_card_was_active_through_the_day_of_the_decision(world: World) -> None:
    card = world.card()
    world.on(date(2025, 6, 15))
    done = accepted(card.caseworker.post(f"{card.path}/deactivation", {"case_reference": "J-1"}), 200)
    assert done["status"] == "deactivated"
    assert done["active_periods"] == [{"first": "2025-01-06", "last": "2025-06-15"}]
    assert done["history"][-1]["case_reference"] == "J-1"


def test_deactivating_twice_is_refused(world: World) -> None:
    card = world.card()
    accepted(card.caseworker.post(f"{card.path}/deactivation", {"case_reference": "J-1"}), 200)
    again = card.caseworker.post(f"{card.path}/deactivation", {"case_reference": "J-2"})
    refused(again, 409, "card-already-deactivated")


def test_a_reactivated_card_is_active_again_from_that_day(world: World) -> None:
    card = world.card()
    world.on(date(2025, 6, 15))
    accepted(card.caseworker.post(f"{card.path}/deactivation", {"case_reference": "J-1"}), 200)
    world.on(date(2025, 8, 1))
    done = accepted(card.caseworker.post(f"{card.path}/reactivation", {"case_reference": "J-2"}), 200)
    assert done["status"] == "active"
    assert done["active_periods"] == [
        {"first": "2025-01-06", "last": "2025-06-15"},
        {"first": "2025-08-01", "last": None},
    ]


def test_reactivating_an_active_card_is_refused(world: World) -> None:
    card = world.card()
    refused(card.caseworker.post(f"{card.path}/reactivation", {"case_reference": "x"}), 409, "card-already-active")


def test_only_the_new_number_registers_after_a_replacement_and_both_find_the_card(world: World) -> None:
    card, employer = world.card(), world.employer()
    replaced = accepted(card.caseworker.post(f"{card.path}/number", {"reason": "lost"}), 200)
    assert replaced["number"] != card.number
    assert replaced["card_id"] == card.id
    old = employer.post("/v1/employments", employment_body(card))
    refused(old, 404, "number-or-birth-date-wrong")
    accepted(employer.post("/v1/employments", employment_body(card, card_number=replaced["number"])), 201)
    for number in (card.number, replaced["number"]):
        found = accepted(card.caseworker.post("/v1/cards/search", {"number": number}), 200)
        assert (found["card_id"], found["number"]) == (card.id, replaced["number"])
        assert [previous["number"] for previous in found["previous_numbers"]] == [card.number]
    elsewhere = world.caseworker(ELSEWHERE)
    refused(elsewhere.post("/v1/cards/search", {"number": card.number}), 404, "card-unknown")


def test_a_replaced_number_does_not_affect_employments_and_totals(world: World) -> None:
    job = world.job()
    job.report(120_000)
    accepted(job.card.caseworker.post(f"{job.card.path}/number", {"reason": "abused"}), 200)
    job.report(30_000)
    assert job.card.balance()["reported_ore"] == 150_000


def test_a_card_that_is_handed_over_is_visible_to_the_new_municipality_only(world: World) -> None:
    job = world.job()
    job.report(120_000)
    card, new = job.card, world.caseworker(ELSEWHERE)
    done = accepted(card.caseworker.post(f"{card.path}/hand-over", {"to_municipality": ELSEWHERE}), 200)
    assert done["handed_over_to"]["code"] == ELSEWHERE
    refused(card.caseworker.get(card.path), 404, "card-unknown")
    refused(card.caseworker.post(f"{card.path}/number", {"reason": "lost"}), 404, "card-unknown")
    assert accepted(new.get(card.path), 200)["municipality"]["code"] == ELSEWHERE
    assert accepted(new.get(f"{card.path}/balances"), 200)["balances"][0]["reported_ore"] == 120_000
    assert len(accepted(new.get(f"{card.path}/reports"), 200)["reports"]) == 1
    accepted(new.post(f"{card.path}/deactivation", {"case_reference": "S-1"}), 200)


def test_handing_a_card_over_to_the_own_municipality_is_refused(world: World) -> None:
    card = world.card()
    refused(card.caseworker.post(f"{card.path}/hand-over", {"to_municipality": HOME}), 409, "same-municipality")


def test_a_control_in_the_year_of_issue_is_refused(world: World) -> None:
    card = world.card()
    refused(card.caseworker.post(f"{card.path}/controls", {"result": "upheld"}), 409, "control-not-due")


def test_the_list_of_controls_has_the_card_until_its_control_is_recorded(world: World) -> None:
    card = world.card(municipality="741")
    world.on(date(2027, 2, 1))

    def due(year: int) -> list[str]:
        return [c["card_id"] for c in accepted(card.caseworker.get("/v1/controls-due", year=year), 200)["cards"]]

    assert card.id not in due(2026)
    assert card.id in due(2027)
    listed = accepted(card.caseworker.get("/v1/controls-due"), 200)
    assert listed["year"] == 2027
    assert next(c for c in listed["cards"] if c["card_id"] == card.id)["last_control"] is None
    done = accepted(card.caseworker.post(f"{card.path}/controls", {"result": "upheld"}), 200)
    assert done["last_control"]["year"] == 2027
    assert done["control_due"] == 2029
    assert card.id not in due(2028)
    assert card.id in due(2029)


def test_controls_of_another_municipality_are_not_listed(world: World) -> None:
    card = world.card(municipality="741")
    cards = accepted(world.caseworker("825").get("/v1/controls-due", year=2027), 200)["cards"]
    assert card.id not in [c["card_id"] for c in cards]


def test_controls_more_than_two_years_ahead_are_refused(world: World) -> None:
    caseworker = world.caseworker("741")
    accepted(caseworker.get("/v1/controls-due", year=2027), 200)
    for year in (2028, 2200):
        refused(caseworker.get("/v1/controls-due", year=year), 422, "invalid-request")


def test_a_deactivated_card_is_not_due_for_control(world: World) -> None:
    card = world.card(municipality="741")
    accepted(card.caseworker.post(f"{card.path}/deactivation", {"case_reference": "x"}), 200)
    cards = accepted(card.caseworker.get("/v1/controls-due", year=2027), 200)["cards"]
    assert card.id not in [c["card_id"] for c in cards]


def test_the_municipality_sees_balance_employments_with_contact_and_reports(world: World) -> None:
    job = world.job()
    report = job.report(120_000)
    card, caseworker = job.card, job.card.caseworker
    balance = accepted(caseworker.get(f"{card.path}/balances"), 200)["balances"][0]
    assert (balance["year"], balance["exempt_ore"]) == (2025, 120_000)
    employment = accepted(caseworker.get(f"{card.path}/employments"), 200)["employments"][0]
    assert (employment["employment_id"], employment["cvr"]) == (job.id, job.employer.cvr)
    assert SECRET in employment["contact"]["name"]
    seen = accepted(caseworker.get(f"{card.path}/reports"), 200)["reports"][0]
    assert (seen["report_id"], seen["split"]["exempt_ore"]) == (report["report_id"], 120_000)


def test_a_second_card_for_the_same_person_names_the_first_to_its_own_municipality(world: World) -> None:
    card = world.card()
    conflict = refused(card.caseworker.post("/v1/cards", issue_body(card.citizen)), 409, "card-exists")
    assert conflict["facts"] == {"municipality": HOME, "card_id": card.id}


def test_a_second_card_in_another_municipality_names_only_the_responsible_one(world: World) -> None:
    card = world.card()
    other = world.caseworker(ELSEWHERE)
    conflict = refused(other.post("/v1/cards", issue_body(card.citizen)), 409, "card-exists")
    assert conflict["facts"] == {"municipality": HOME}
    content = conflict.content.decode()
    assert all(secret not in content for secret in (card.id, card.number, card.citizen.cpr, card.citizen.name))


def test_a_caseworker_can_change_a_card_right_after_issuing_it(world: World) -> None:
    for _ in range(5):
        citizen, caseworker = world.citizen(), world.caseworker()
        card = accepted(caseworker.post("/v1/cards", issue_body(citizen)), 201)
        path = f"/v1/cards/{card['card_id']}"
        accepted(caseworker.post("/v1/cards/search", {"cpr": citizen.cpr}), 200)
        accepted(caseworker.post(f"{path}/deactivation", {"case_reference": "x"}), 200)
        accepted(caseworker.post(f"{path}/reactivation", {"case_reference": "x"}), 200)
