"""Amounts of a year that change: every answer, page and file shows what divides the year at that moment (E1, E2)."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from typing import Any, Final
from uuid import uuid4

import pytest
from frikort_contracts.reporting import DisputeDecision
from frikort_contracts.rules.allowances import Allowance

from services.portals.texts import LANGUAGE_COOKIE
from tests.doors.doors import DOORS, Door, Entry, json_body, kroner
from tests.doors.people import as_citizen, caseworker, decide, dispute
from tests.doors.world import CARD, NOW, NUMBER, World
from tests.portals.site import FORM

PROVISIONAL: Final = 4_276_600
FINAL: Final = Allowance(year=2026, allowance=4_390_000, income_limit=1_097_500, effective_from=date(2026, 1, 1))
OCTOBER: Final = Entry(
    reference="october",
    work_first=date(2026, 10, 1),
    work_last=date(2026, 10, 31),
    payment_date=date(2026, 10, 31),
    wage_ore=PROVISIONAL + 1,
)
NOVEMBER: Final = Entry(
    reference="november",
    work_first=date(2026, 11, 1),
    work_last=date(2026, 11, 27),
    payment_date=date(2026, 11, 27),
    wage_ore=50_000,
)


class Employer:
    """Reports as a program, and reads every answer about the year."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.employment = world.employ(date(2023, 1, 1))

    async def post(self, path: str, entry: Entry) -> dict[str, Any]:
        """Report, or try to."""
        body = json_body(entry, employment_id=self.employment)
        answer = await self.world.api.post(path, json=body, headers=self.world.headers)
        assert answer.status_code in {200, 201}, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def get(self, path: str) -> dict[str, Any]:
        """A response of the API."""
        answer = await self.world.api.get(path, headers=self.world.headers)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def try_again(self, entry: Entry) -> dict[str, Any]:
        """The line of a file with a report that was accepted before."""
        content = json.dumps(json_body(entry, card_number=NUMBER)).encode()
        (line,) = await self.world.book((await self.world.send_file(content, "application/jsonl")).json()["batch_id"])
        return line

    async def check(self, *entries: Entry) -> list[dict[str, Any]]:
        """What the check of a file with these reports finds about each."""
        bodies = [json_body(entry, employment_id=self.employment) for entry in entries]
        sent = await self.world.send_file("\n".join(map(json.dumps, bodies)).encode(), "application/jsonl")
        assert (sent.status_code, sent.json()["status"]) == (201, "checking")
        return [line["check"] for line in await self.world.work(sent.json()["batch_id"])]

    async def shown(self) -> dict[str, tuple[Any, ...]]:
        """The allowance of 2026 and whether it is provisional, as each answer has it."""
        (listed,) = (await self.get("/v1/reports?year=2026"))["reports"]
        answers = {
            "dry run": await self.post("/v1/reports/dry-run", NOVEMBER),
            "allowance": await self.get(f"/v1/employments/{self.employment}/allowance?year=2026"),
            "report": await self.get(f"/v1/reports/{listed['report_id']}"),
            "list of reports": listed,
            "balance": await as_citizen(self.world, "/v1/me/balances", "balances"),
        }
        return {name: (answer["allowance_ore"], answer["provisional"]) for name, answer in answers.items()}


@pytest.fixture
def employer(world: World) -> Employer:
    return Employer(world)


async def test_e1_every_answer_has_the_provisional_amounts_until_the_year_is_settled_and_then_the_final_ones(
    world: World, employer: Employer
) -> None:
    booked = await employer.post("/v1/reports", OCTOBER)
    assert (booked["split"]["exempt_ore"], booked["split"]["excess_ore"]) == (PROVISIONAL, 1)
    assert set((await employer.shown()).values()) == {(PROVISIONAL, True)}

    world.announce(FINAL)
    assert set((await employer.shown()).values()) == {(PROVISIONAL, True)}
    assert (await employer.try_again(OCTOBER))["split"]["provisional"] is True

    world.settle(FINAL)
    assert set((await employer.shown()).values()) == {(FINAL.allowance, False)}
    assert (await employer.try_again(OCTOBER))["split"] == {
        "exempt_ore": PROVISIONAL + 1,
        "excess_ore": 0,
        "provisional": False,
    }


@pytest.mark.parametrize("settled", [False, True], ids=["before the year is settled", "after it"])
async def test_e1_a_dry_run_has_the_split_that_the_report_gets(world: World, employer: Employer, settled: bool) -> None:
    await employer.post("/v1/reports", OCTOBER)
    world.announce(FINAL)
    if settled:
        world.settle(FINAL)

    tried = await employer.post("/v1/reports/dry-run", NOVEMBER)
    booked = await employer.post("/v1/reports", NOVEMBER)

    expected = tried["exempt_at_least_ore"], tried["excess_at_most_ore"]
    assert expected == ((50_000, 0) if settled else (0, 50_000))
    assert (booked["split"]["exempt_ore"], booked["split"]["excess_ore"]) == expected
    assert booked["provisional"] == tried["provisional"] == (not settled)


@pytest.mark.parametrize("settled", [False, True], ids=["before the year is settled", "after it"])
async def test_e1_the_check_of_a_file_has_the_splits_that_its_reports_get(
    world: World, employer: Employer, settled: bool
) -> None:
    await employer.post("/v1/reports", OCTOBER)
    world.announce(FINAL)
    if settled:
        world.settle(FINAL)

    repeated, new = await employer.check(OCTOBER, NOVEMBER)
    booked = [await employer.post("/v1/reports", entry) for entry in (OCTOBER, NOVEMBER)]

    assert (repeated["result"], new["result"]) == ("already_reported", "accepted")
    for checked, report in zip((repeated, new), booked, strict=True):
        assert checked["split"] == {
            "exempt_at_least_ore": report["split"]["exempt_ore"],
            "excess_at_most_ore": report["split"]["excess_ore"],
            "provisional": not settled,
        }
    assert new["split"]["exempt_at_least_ore"] == (50_000 if settled else 0)


async def test_e1_the_employer_sees_which_split_the_amounts_changed(world: World, employer: Employer) -> None:
    report_id = (await employer.post("/v1/reports", OCTOBER))["report_id"]
    world.announce(FINAL)
    world.settle(FINAL)

    (moved,) = (await employer.get(f"/v1/reports?moved_since={NOW:%Y-%m-%d}"))["reports"]
    page = await world.pages.get(f"/virksomhed/indberetninger/{report_id}")

    assert (moved["report_id"], moved["split"]["by_allowance"]) == (report_id, True)
    assert "Beløbsgrænsen for 2026 er ændret. Derfor er fordelingen regnet om." in page.text
    assert kroner(OCTOBER.wage_ore) in page.text


async def test_e1_a_former_employer_sees_the_final_amounts_and_not_what_is_left(
    world: World, employer: Employer
) -> None:
    await employer.post("/v1/reports", OCTOBER)
    world.announce(FINAL)
    world.settle(FINAL)
    employments = world.gateway.models.memory["employments"].states
    view = employments[employer.employment]
    period = view.period.model_copy(update={"last": date(2026, 11, 27)})
    employments[employer.employment] = view.model_copy(update={"period": period})

    shown = await employer.shown()
    left = await employer.get(f"/v1/employments/{employer.employment}/allowance?year=2026")
    (report,) = (await employer.get("/v1/reports?year=2026"))["reports"]

    assert set(shown.values()) == {(FINAL.allowance, False)}
    assert (left["remaining_ore"], report["remaining_ore"]) == (None, None)


async def test_e6_a_reminder_says_that_the_amounts_of_the_ledger_are_provisional(
    world: World, employer: Employer
) -> None:
    await employer.post("/v1/reports", OCTOBER)
    (reminder,) = (await employer.get("/v1/reminders"))["reminders"]
    world.announce(FINAL)
    (waiting,) = (await employer.get("/v1/reminders"))["reminders"]
    world.settle(FINAL)
    (settled,) = (await employer.get("/v1/reminders"))["reminders"]

    assert [one["provisional"] for one in (reminder, waiting, settled)] == [True, True, False]


async def test_e1_the_municipality_sees_a_disputed_report_before_and_after_its_year_is_settled(
    world: World, employer: Employer
) -> None:
    report_id = (await employer.post("/v1/reports", OCTOBER))["report_id"]
    assert (await dispute(world, report_id))["provisional"]
    asked = caseworker(world)

    async def seen() -> tuple[str, str, bool]:
        (disputed,) = (await world.api.get("/v1/disputes", headers=asked)).json()["disputes"]
        (report,) = (await world.api.get(f"/v1/cards/{CARD}/reports", headers=asked)).json()["reports"]
        return disputed["report_id"], report["report_id"], report["provisional"]

    async def decided() -> bool:
        answer = await decide(world, report_id, DisputeDecision.EMPLOYER_MUST_CORRECT)
        assert answer.status_code == 200, answer.text
        return bool(answer.json()["provisional"])

    assert await seen() == (report_id, report_id, True)
    assert await decided()
    world.announce(FINAL)
    world.settle(FINAL)
    assert await seen() == (report_id, report_id, False)
    assert not await decided()


async def test_e2_a_report_of_may_2023_is_split_by_the_amounts_in_force_then_and_again_from_1_july(
    world: World,
) -> None:
    world.clock.time = datetime(2023, 5, 31, 12, tzinfo=UTC)
    employer = Employer(world)
    may = Entry(
        work_first=date(2023, 5, 1), work_last=date(2023, 5, 31), payment_date=date(2023, 5, 31), wage_ore=2_500_000
    )
    booked = await employer.post("/v1/reports", may)
    world.clock.time = datetime(2023, 7, 1, 12, tzinfo=UTC)
    july = world.table.in_force(2023, date(2023, 7, 1))
    assert july is not None
    world.settle(july)
    after = await employer.get(f"/v1/reports/{booked['report_id']}")

    assert (booked["split"]["exempt_ore"], booked["split"]["excess_ore"]) == (2_000_000, 500_000)
    assert (after["split"]["exempt_ore"], after["split"]["excess_ore"]) == (2_500_000, 0)
    assert [split["by_allowance"] for split in after["splits"]] == [False, True]


@pytest.mark.parametrize(
    ("day", "expected"), [(date(2023, 5, 31), (2_000_000, 500_000)), (date(2023, 7, 1), (2_500_000, 0))], ids=str
)
async def test_e2_the_check_of_a_first_report_has_the_amounts_in_force_on_its_day(
    world: World, day: date, expected: tuple[int, int]
) -> None:
    world.clock.time = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
    may = Entry(
        work_first=date(2023, 5, 1), work_last=date(2023, 5, 31), payment_date=date(2023, 5, 31), wage_ore=2_500_000
    )
    (checked,) = await Employer(world).check(may)
    assert (checked["split"]["exempt_at_least_ore"], checked["split"]["excess_at_most_ore"]) == expected


@pytest.mark.parametrize("door", DOORS.values(), ids=DOORS.keys())
async def test_a_closed_year_takes_no_report_until_it_is_opened_again(
    world: World, employer: Employer, door: Door
) -> None:
    world.close(2026)
    assert (await door(world, employer.employment, NOVEMBER)).decision == "year-closed"

    world.close(2026, closed=False)
    assert (await door(world, employer.employment, NOVEMBER)).decision == "booked"


async def test_a_closed_year_takes_no_dry_run_correction_or_withdrawal(world: World, employer: Employer) -> None:
    booked = await employer.post("/v1/reports", OCTOBER)
    world.close(2026)
    path = f"/v1/reports/{booked['report_id']}"
    content = json_body(NOVEMBER)
    correction = {name: content[name] for name in ("work", "payment_date", "components")} | {"reason": "wrong-amount"}

    for tried, body in (
        ("/v1/reports/dry-run", json_body(NOVEMBER, employment_id=employer.employment)),
        (f"{path}/correction", correction),
        (f"{path}/withdrawal", {"reason": "not-paid"}),
    ):
        answer = await world.api.post(tried, json=body, headers=world.headers)
        assert (answer.status_code, answer.json()["code"]) == (409, "year-closed"), tried
        assert answer.json()["detail"].startswith("The year is 2026.")

    assert (await employer.get(path))["split"] == booked["split"]


async def test_the_check_of_a_file_refuses_reports_of_a_closed_year(world: World, employer: Employer) -> None:
    await employer.post("/v1/reports", OCTOBER)
    world.close(2026)
    repeated, new = await employer.check(OCTOBER, NOVEMBER)
    world.close(2026, closed=False)
    (after,) = await employer.check(NOVEMBER)

    assert (repeated["result"], new["result"], after["result"]) == ("already_reported", "refused", "accepted")
    assert (new["problem"]["code"], new["split"]) == ("year-closed", None)
    assert new["problem"]["detail"].startswith("The year is 2026.")


async def test_a_file_that_was_checked_before_its_year_was_closed_is_refused_when_it_is_booked(
    world: World, employer: Employer
) -> None:
    content = json.dumps(json_body(NOVEMBER, employment_id=employer.employment)).encode()
    batch_id = (await world.send_file(content, "application/jsonl")).json()["batch_id"]
    (checked,) = await world.work(batch_id)
    world.close(2026)
    (booked,) = await world.book(batch_id)

    assert checked["check"]["result"] == "accepted"
    assert (booked["result"], booked["problem"]["code"]) == ("refused", "year-closed")


@pytest.mark.parametrize("decision", DisputeDecision)
async def test_the_municipality_decides_no_dispute_of_a_closed_year_until_it_is_opened_again(
    world: World, employer: Employer, decision: DisputeDecision
) -> None:
    report_id = (await employer.post("/v1/reports", OCTOBER))["report_id"]
    world.close(2026)
    await dispute(world, report_id)
    refused = await decide(world, report_id, decision)
    world.close(2026, closed=False)
    after = await decide(world, report_id, decision)

    assert (refused.status_code, refused.json()["code"]) == (409, "year-closed")
    assert refused.json()["detail"].startswith("The year is 2026.")
    assert after.status_code == 200, after.text


async def test_an_accepted_report_is_answered_again_in_a_closed_year(world: World, employer: Employer) -> None:
    booked = await employer.post("/v1/reports", OCTOBER)
    world.close(2026)
    again = await employer.post("/v1/reports", OCTOBER)
    assert (again["report_id"], again["already_reported"]) == (booked["report_id"], True)


async def test_pages_say_in_danish_and_english_that_a_year_is_closed(world: World, employer: Employer) -> None:
    booked = await employer.post("/v1/reports", OCTOBER)
    world.close(2026)
    path = f"/virksomhed/indberetninger/{booked['report_id']}/tilbagekald"

    danish = await world.pages.post(path, data={**FORM, "key": str(uuid4()), "reason": "not-paid", "step": "send"})
    world.pages.cookies.set(LANGUAGE_COOKIE, "en")
    english = await world.pages.post(path, data={**FORM, "key": str(uuid4()), "reason": "not-paid", "step": "send"})

    assert "Året er lukket" in danish.text
    assert "The year is closed" in english.text


async def test_the_published_table_says_which_years_are_closed(world: World) -> None:
    world.close(2025)
    table = (await world.api.get("/v1/allowances")).json()
    assert [row["year"] for row in table["allowances"] if row["closed"]] == [2025]
