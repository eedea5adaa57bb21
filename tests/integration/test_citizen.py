"""What a citizen sees: all of their own, and nothing of anyone else's."""

from __future__ import annotations

from tests.integration.scene import ALLOWANCE, SECRET, Job, World, accepted, refused


def test_a_citizen_sees_their_own_card(world: World) -> None:
    card = world.card()
    own = accepted(card.owner.get("/v1/me/card"), 200)
    assert own.body == {
        "number": card.number,
        "name": card.citizen.name,
        "municipality": {"code": "101", "name": "København"},
        "status": "active",
        "active_periods": [{"first": "2025-01-06", "last": None}],
    }


def test_a_citizen_without_a_card_gets_the_same_problem_everywhere(world: World) -> None:
    person = world.client("citizen", cpr=world.citizen().cpr)
    for page in ("card", "balances", "employments", "reports", "warnings"):
        refused(person.get(f"/v1/me/{page}"), 404, "card-unknown")


def test_the_balance_of_a_card_without_reports_is_the_whole_allowance(world: World) -> None:
    balances = accepted(world.card().owner.get("/v1/me/balances"), 200)["balances"]
    assert [(b["year"], b["reported_ore"], b["remaining_ore"]) for b in balances] == [(2025, 0, ALLOWANCE)]


def test_a_citizen_sees_the_balance_of_a_year(job: Job) -> None:
    job.report(4_300_000)
    balance = job.card.balance()
    assert balance.pop("warnings")[0]["threshold"] == "near"
    assert balance == {
        "year": 2025,
        "allowance_ore": ALLOWANCE,
        "provisional": False,
        "reported_ore": 4_300_000,
        "exempt_ore": ALLOWANCE,
        "excess_ore": 4_300_000 - ALLOWANCE,
        "remaining_ore": 0,
        "hourly_rate_ore": 29_554,
        "converted_hours": 145,
    }


def test_a_citizen_sees_employments_without_the_contact_person(job: Job) -> None:
    answer = accepted(job.card.owner.get("/v1/me/employments"), 200)
    employment = answer["employments"][0]
    assert (employment["employment_id"], employment["cvr"]) == (job.id, job.employer.cvr)
    assert employment["contact"] is None
    assert SECRET not in answer.content.decode()


def test_a_citizen_sees_the_reports_of_every_employer_with_their_split(world: World, job: Job) -> None:
    second = world.job(job.card)
    job.report(4_000_000)
    second.report(500_000)
    seen = [(r["cvr"], r["total_ore"], r["split"]["exempt_ore"], r["split"]["excess_ore"]) for r in job.card.reports()]
    assert seen == [
        (job.employer.cvr, 4_000_000, 4_000_000, 0),
        (second.employer.cvr, 500_000, 276_600, 223_400),
    ]


def test_a_warning_has_its_time_and_amount(job: Job) -> None:
    job.report(3_421_280)  # 80 % to the øre
    warnings = accepted(job.card.owner.get("/v1/me/warnings"), 200)["warnings"]
    assert [(w["threshold"], w["year"], w["reported_ore"], w["withdrawn_at"]) for w in warnings] == [
        ("near", 2025, 3_421_280, None)
    ]
    assert warnings[0]["raised_at"].startswith("2025-09-30T12:")


def test_one_oere_below_80_percent_gives_no_warning(job: Job) -> None:
    job.report(3_421_279)
    assert job.card.warnings() == []


def test_the_whole_allowance_is_reached_but_not_exceeded(job: Job) -> None:
    job.report(ALLOWANCE)
    assert job.card.warnings() == ["near", "reached"]
    job.report(1)
    assert job.card.warnings() == ["near", "reached", "exceeded"]
