"""What an employer can do: employments, reports, corrections, and what is left of the allowance."""

from __future__ import annotations

from datetime import date, timedelta

from tests.integration.scene import (
    ALLOWANCE,
    MARCH,
    SECRET,
    STARTED,
    TODAY,
    Job,
    World,
    accepted,
    employment_body,
    refused,
)


def test_an_employment_is_registered_with_number_and_birth_date(world: World) -> None:
    card, employer = world.card(), world.employer()
    registered = accepted(employer.post("/v1/employments", employment_body(card)), 201)
    assert registered.headers["location"] == f"/v1/employments/{registered['employment_id']}"
    assert registered["period"] == {"first": STARTED, "last": None}
    assert SECRET in registered["contact"]["name"]
    content = registered.content.decode()
    assert all(
        secret not in content for secret in (card.citizen.name, card.citizen.cpr, card.id, card.citizen.birth_date)
    )


def test_an_employment_is_changed(job: Job) -> None:
    contact = {"name": f"Ny {SECRET}", "email": "ny@example.dk", "phone": "12 34 56 78"}
    body = {"period": {"first": "2025-02-01", "last": "2025-12-31"}, "contact": contact}
    changed = accepted(job.employer.send("PUT", job.path, body), 200)
    assert changed["period"] == body["period"]
    assert changed["contact"] == contact
    assert accepted(job.employer.get(job.path), 200).body == changed.body


def test_a_change_without_a_contact_keeps_the_present_one(job: Job) -> None:
    before = job.employer.get(job.path)["contact"]
    changed = accepted(job.employer.send("PUT", job.path, {"period": {"first": "2025-02-01"}}), 200)
    assert changed["contact"] == before


def test_an_employment_keeps_the_card_number_of_its_registration(job: Job) -> None:
    card = job.card
    assert accepted(job.employer.get(job.path), 200)["card_number"] == card.number
    accepted(card.caseworker.post(f"{card.path}/number", {"reason": "lost"}), 200)
    changed = accepted(job.employer.post(f"{job.path}/end", {"last": "2025-12-31"}), 200)
    assert changed["card_number"] == card.number


def test_an_employer_can_set_change_and_remove_a_label(world: World) -> None:
    card, employer = world.card(), world.employer()
    body = employment_body(card, label=f"Løn 17, {SECRET}")
    path = f"/v1/employments/{accepted(employer.post('/v1/employments', body), 201)['employment_id']}"
    assert accepted(employer.get(path), 200)["label"] == body["label"]
    kept = accepted(employer.post(f"{path}/end", {"last": "2025-12-31"}), 200)
    assert kept["label"] == body["label"]
    changed = accepted(employer.send("PUT", path, {"period": body["period"], "label": "18"}), 200)
    assert changed["label"] == "18"
    assert accepted(employer.send("PUT", path, {"period": body["period"], "label": ""}), 200)["label"] is None
    assert SECRET not in card.owner.get("/v1/me/employments").content.decode()


def test_an_ended_employment_has_its_last_day_and_work_after_it_is_refused(job: Job) -> None:
    ended = accepted(job.employer.post(f"{job.path}/end", {"last": "2025-03-15"}), 200)
    assert ended["period"] == {"first": STARTED, "last": "2025-03-15"}
    refused(job.employer.post("/v1/reports", job.body()), 422, "work-outside-employment")
    job.report(work={"first": "2025-03-01", "last": "2025-03-15"})


def test_an_employment_cannot_end_before_it_began(job: Job) -> None:
    problem = refused(job.employer.post(f"{job.path}/end", {"last": "2025-01-01"}), 422, "invalid-request")
    assert [error["pointer"] for error in problem["errors"]] == ["/last"]


def test_an_employment_cannot_end_before_reported_work(job: Job) -> None:
    job.report()
    before = job.all_views()
    refused(job.employer.post(f"{job.path}/end", {"last": "2025-03-15"}), 409, "employment-has-reports-outside")
    assert job.all_views() == before


def test_a_second_employment_in_the_same_days_is_refused(job: Job) -> None:
    before = job.all_views()
    again = job.employer.post("/v1/employments", employment_body(job.card))
    problem = refused(again, 409, "employment-exists")
    assert problem["facts"] == {"employment_id": job.id}
    assert job.all_views() == before


def test_two_employers_employ_the_same_citizen(world: World, job: Job) -> None:
    second = world.job(job.card)
    job.report(100_000)
    second.report(100_000)
    assert job.card.balance()["reported_ore"] == 200_000


def test_employments_are_listed_in_pages(world: World) -> None:
    employer = world.employer()
    cards = [world.card() for _ in range(5)]
    jobs = [world.job(card, employer=employer) for card in cards]
    pages = []
    answer = accepted(employer.get("/v1/employments", limit=2), 200)
    pages.append([e["employment_id"] for e in answer["employments"]])
    while answer["next"] is not None:
        answer = accepted(employer.get("/v1/employments", limit=2, cursor=answer["next"]), 200)
        pages.append([e["employment_id"] for e in answer["employments"]])
    assert [len(page) for page in pages] == [2, 2, 1]
    assert [e for page in pages for e in page] == [job.id for job in jobs]
    newest = accepted(employer.get("/v1/employments", limit=3, newest=True), 200)
    rest = accepted(employer.get("/v1/employments", limit=3, newest=True, cursor=newest["next"]), 200)
    listed = [e["employment_id"] for e in [*newest["employments"], *rest["employments"]]]
    assert (listed, rest["next"]) == ([job.id for job in reversed(jobs)], None)


def test_reports_are_listed_in_pages_by_employment_and_year(world: World, job: Job) -> None:
    other = world.job(employer=job.employer)
    ids = [job.report(10_000 + number)["report_id"] for number in range(5)]
    other.report(70_000)
    cursor, listed = "", []
    while True:
        page = accepted(job.employer.get("/v1/reports", employment_id=job.id, year=2025, limit=2, cursor=cursor), 200)
        listed += [report["report_id"] for report in page["reports"]]
        if page["next"] is None:
            break
        cursor = page["next"]
    assert listed == ids
    assert len(accepted(job.employer.get("/v1/reports"), 200)["reports"]) == 6
    assert accepted(job.employer.get("/v1/reports", year=2024), 200)["reports"] == []


def test_a_report_is_exempt_within_the_allowance(job: Job) -> None:
    components = {"wage_ore": 480_000, "holiday_pay_ore": 60_000, "atp_ore": 9_900, "pension_ore": 100}
    report = job.report(components=components)
    assert report.headers["location"] == f"/v1/reports/{report['report_id']}"
    assert report["total_ore"] == 550_000
    assert (report["split"]["exempt_ore"], report["split"]["excess_ore"]) == (550_000, 0)
    assert report["remaining_ore"] == 3_700_000, "3,726,600 in full thousands of kroner"
    assert report["components"] == components
    assert report["year"] == 2025
    assert not report["provisional"]
    assert any("eIndkomst" in sentence for sentence in report["advice"])


def test_a_report_above_the_allowance_is_accepted_and_split(job: Job) -> None:
    job.report(4_000_000)
    report = job.report(500_000)
    assert (report["split"]["exempt_ore"], report["split"]["excess_ore"]) == (276_600, 223_400)
    assert report["remaining_ore"] == 0
    assert "2,766.00 kr. is exempt card wage" in report["advice"][0]
    assert "2,234.00 kr. is ordinary wage" in report["advice"][1]
    assert job.card.warnings() == ["near", "reached", "exceeded"]


def test_the_largest_report_is_a_million_kroner(job: Job) -> None:
    assert job.report(100_000_000, allow_large_amount=True)["split"]["exempt_ore"] == ALLOWANCE


def test_one_oere_can_be_reported(job: Job) -> None:
    assert job.report(1)["split"]["exempt_ore"] == 1


def test_an_amount_counts_in_the_year_of_its_payment(world: World, job: Job) -> None:
    world.on(date(2026, 1, 15))
    report = job.report(work={"first": "2025-12-01", "last": "2025-12-31"}, payment_date="2026-01-15")
    assert (report["year"], report["provisional"]) == (2026, True)
    assert any("2026" in sentence and "provisional" in sentence for sentence in report["advice"])
    assert job.card.balance(2026)["reported_ore"] == 100_000
    assert job.card.balance(2026)["provisional"]


def test_the_danish_calendar_decides_whether_a_day_is_in_the_future(world: World, job: Job) -> None:
    world.on(date(2025, 6, 30), "22:30")  # half past midnight on 1 July in Denmark
    job.report(payment_date="2025-07-01")
    world.on(date(2025, 6, 30), "21:30")
    refused(job.employer.post("/v1/reports", job.body(2, payment_date="2025-07-01")), 422, "payment-in-future")


def test_a_dry_run_shows_the_least_that_is_exempt_and_books_nothing(job: Job) -> None:
    job.report(4_000_000)
    before = job.all_views()
    trial = accepted(job.employer.post("/v1/reports/dry-run", job.body(500_000)), 200)
    assert (trial["exempt_at_least_ore"], trial["excess_at_most_ore"]) == (200_000, 300_000)
    assert (trial["remaining_before_ore"], trial["remaining_after_ore"]) == (200_000, 0)
    assert trial["dry_run"] is True
    assert trial["advice"]
    assert job.all_views() == before


def test_a_dry_run_applies_every_rule(job: Job) -> None:
    before = job.all_views()
    refused(job.employer.post("/v1/reports/dry-run", job.body(0)), 422, "amount-zero")
    future = job.body(payment_date="2025-12-01")
    refused(job.employer.post("/v1/reports/dry-run", future), 422, "payment-in-future")
    assert job.all_views() == before


def test_the_reference_of_a_dry_run_can_be_used_for_the_report(job: Job) -> None:
    body = job.body()
    accepted(job.employer.post("/v1/reports/dry-run", body), 200)
    accepted(job.employer.post("/v1/reports", body), 201)


def test_a_correction_replaces_the_report_and_keeps_its_history(job: Job) -> None:
    report = job.report(120_000)
    path = f"/v1/reports/{report['report_id']}"
    corrected = accepted(job.employer.post(f"{path}/correction", job.correction(90_000)), 200)
    assert (corrected["total_ore"], corrected["split"]["exempt_ore"], corrected["revision"]) == (90_000, 90_000, 2)
    assert [entry["event"] for entry in corrected["history"]] == ["reported", "corrected"]
    assert [entry["total_ore"] for entry in corrected["history"]] == [120_000, 90_000]
    assert corrected["history"][1]["reason"] == "wrong-amount"
    assert job.card.balance()["reported_ore"] == 90_000
    assert accepted(job.employer.get(path), 200)["total_ore"] == 90_000


def test_a_correction_moves_the_split_of_another_employers_later_report(world: World, job: Job) -> None:
    later = world.job(job.card)
    first = job.report(4_000_000)
    second = later.report(500_000)
    correction = job.correction(3_900_000)
    accepted(job.employer.post(f"/v1/reports/{first['report_id']}/correction", correction), 200)
    moved = accepted(later.employer.get(f"/v1/reports/{second['report_id']}"), 200)
    assert (moved["split"]["exempt_ore"], moved["split"]["excess_ore"]) == (376_600, 123_400)
    assert [split["exempt_ore"] for split in moved["splits"]] == [276_600, 376_600]
    assert moved["split"]["caused_by"] is None, "the id of another employer's report is not shown"
    tomorrow = TODAY + timedelta(days=1)
    for asked, since, listed in ((later, TODAY, [moved["report_id"]]), (later, tomorrow, []), (job, TODAY, [])):
        moved = accepted(asked.employer.get("/v1/reports", moved_since=since.isoformat()), 200)
        assert [report["report_id"] for report in moved["reports"]] == listed
    assert job.card.balance()["exempt_ore"] == ALLOWANCE


def test_a_correction_cannot_move_the_payment_to_another_year(world: World, job: Job) -> None:
    report = job.report()
    world.on(date(2026, 2, 1))
    before = job.all_views()
    correction = job.correction(100_000, payment_date="2026-01-31")
    answer = job.employer.post(f"/v1/reports/{report['report_id']}/correction", correction)
    refused(answer, 422, "payment-year-changed")
    assert job.all_views() == before


def test_a_withdrawn_report_no_longer_counts(job: Job) -> None:
    report = job.report(120_000)
    path = f"/v1/reports/{report['report_id']}"
    withdrawn = accepted(job.employer.post(f"{path}/withdrawal", {"reason": "not-paid"}), 200)
    assert withdrawn["status"] == "withdrawn"
    assert withdrawn["split"]["exempt_ore"] == 0
    assert [entry["event"] for entry in withdrawn["history"]] == ["reported", "withdrawn"]
    assert job.card.balance()["reported_ore"] == 0
    assert job.card.balance()["remaining_ore"] == ALLOWANCE


def test_a_withdrawal_withdraws_warnings_which_can_be_raised_again(job: Job) -> None:
    report = job.report(4_300_000)
    assert job.card.warnings() == ["near", "reached", "exceeded"]
    accepted(job.employer.post(f"/v1/reports/{report['report_id']}/withdrawal", {"reason": "other"}), 200)
    assert job.card.warnings() == []
    job.report(3_500_000)
    assert job.card.warnings() == ["near"]
    assert len(accepted(job.card.owner.get("/v1/me/warnings"), 200)["warnings"]) == 4


def test_the_remaining_allowance_shows_nothing_about_other_employers(world: World, job: Job) -> None:
    other = world.job(job.card)
    other.report(1_000_000)
    left = accepted(job.employer.get(f"{job.path}/allowance"), 200)
    assert left.body == {
        "employment_id": job.id,
        "year": 2025,
        "allowance_ore": ALLOWANCE,
        "provisional": False,
        "remaining_ore": 3_200_000,  # 3,276,600 in full thousands of kroner
    }
    assert accepted(job.employer.get("/v1/reports"), 200)["reports"] == []


def test_the_remaining_allowance_of_a_year_without_an_allowance_is_unknown(job: Job) -> None:
    refused(job.employer.get(f"{job.path}/allowance", year=2030), 422, "year-without-allowance")


def test_the_remaining_allowance_of_years_before_the_employment_is_not_shown(job: Job) -> None:
    refused(job.employer.get(f"{job.path}/allowance", year=2024), 404, "employment-unknown")


def test_an_employer_can_report_right_after_registering_an_employment(world: World) -> None:
    card = world.card()
    for _ in range(10):
        employer = world.employer()
        registered = accepted(employer.post("/v1/employments", employment_body(card)), 201)
        job = Job(registered["employment_id"], employer, card)
        job.report()
        accepted(employer.get(job.path), 200)


def test_work_across_a_deactivation_and_reactivation_on_the_next_day_is_accepted(world: World, job: Job) -> None:
    card = job.card
    world.on(date(2025, 3, 10))
    accepted(card.caseworker.post(f"{card.path}/deactivation", {"case_reference": "x"}), 200)
    world.on(date(2025, 3, 11))
    accepted(card.caseworker.post(f"{card.path}/reactivation", {"case_reference": "x"}), 200)
    world.on(date(2025, 4, 1))
    job.report(work=MARCH)
