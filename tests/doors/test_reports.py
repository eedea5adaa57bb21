"""The same report gets the same decision by page, API, JSON Lines and CSV. A row is named after the case it holds."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from datetime import date, timedelta
from itertools import count
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.doors.doors import DOORS, PEOPLE, Door, Entry, by_api, json_body, send_form
from tests.doors.world import World

FIRST: Final = date(2025, 1, 1)


def row(name: str, decision: str, **changes: Any) -> Any:
    return pytest.param(Entry(**changes), decision, id=name)


DECISIONS: Final = (
    row("an ordinary report", "booked"),
    row("T3: a reference with a direction control", "booked", reference="2025\u202e/1"),
    row("T6: no amount", "amount-zero", wage_ore=0),
    row("T6: holiday pay without a wage", "booked", wage_ore=0, holiday_pay_ore=93_750),
    row("T4: the last day before the first", "/work/last", work_first=date(2025, 3, 31), work_last=date(2025, 3, 1)),
    row("E14: a negative amount", "/components/wage_ore", wage_ore=-750_000),
    row("T8: several wrong fields", "/components/atp_ore, /reference", reference="løn 6101801234", atp_ore=-1),
    row("T8: a wrong amount and days in the wrong order", "/components/wage_ore, /work/last", wage_ore=-1,
        work_first=date(2025, 3, 31), work_last=date(2025, 3, 1)),
    row("T5: a hundred thousand kroner", "booked", wage_ore=10_000_000),
    row("T5: a million kroner asks whether it is right", "amount-unusual", wage_ore=100_000_000),
    row("T5: a million kroner that is right", "booked", wage_ore=100_000_000, allow_large_amount=True),
    row("more than a million kroner", "amount-too-large", wage_ore=100_000_001, allow_large_amount=True),
    row("more than an amount can be", "/components/pension_ore", pension_ore=10**15 + 100),
    row("a reference that is too long", "/reference", reference="x" * 65),
    row("a payment before the work", "payment-before-work", payment_date=date(2025, 2, 28)),
    row("a day before 1900", "/payment_date", payment_date=date(1899, 12, 31)),
    row("work outside the employment", "work-outside-employment", work_first=date(2024, 12, 31)),
    row("a payment in the future", "payment-in-future", payment_date=date(2026, 12, 1)),
)  # fmt: skip


@pytest.fixture
def employment(world: World) -> str:
    return world.employ(FIRST)


@pytest.mark.parametrize("door", DOORS.values(), ids=DOORS.keys())
@pytest.mark.parametrize(("entry", "decision"), DECISIONS)
async def test_a_report_gets_the_same_decision_everywhere(
    world: World, employment: str, door: Door, entry: Entry, decision: str
) -> None:
    assert (await door(world, employment, entry)).decision == decision


@pytest.mark.parametrize("door", DOORS.values(), ids=DOORS.keys())
async def test_t3_a_reference_is_the_same_with_and_without_characters_that_no_one_sees(
    world: World, employment: str, door: Door
) -> None:
    first = await door(world, employment, Entry(reference="Café 1"))
    again = await door(world, employment, Entry(reference=" Cafe\u0301\u200b \u202e1"))

    assert first.content == again.content
    assert world.services.accepted[-1].already_reported


@pytest.mark.parametrize("door", DOORS.values(), ids=DOORS.keys())
async def test_a_report_beyond_the_limit_of_the_card_and_year_is_refused_everywhere(
    world: World, employment: str, door: Door
) -> None:
    world.allow_reports(2)
    days = [date(2025, month, 28) for month in (1, 2, 3)]
    entries = [Entry(reference=f"{day}", work_first=day, work_last=day, payment_date=day) for day in days]

    assert [(await door(world, employment, entry)).decision for entry in entries] == [
        "booked",
        "booked",
        "too-many-reports",
    ]


async def test_the_page_and_the_api_say_what_to_do_about_too_many_reports(world: World, employment: str) -> None:
    world.allow_reports(1)
    await by_api(world, employment, Entry())
    another = Entry(reference="another", allow_duplicate=True)
    answer = await world.api.post(
        "/v1/reports", json=json_body(another, employment_id=employment), headers=world.headers
    )
    page = await send_form(world, employment, another)

    assert answer.status_code == 409
    assert answer.json()["type"] == "/problems/too-many-reports"
    assert "A card has at most 1 reports and corrections with payment in 2025." in answer.json()["detail"]
    assert "Frikortet har for mange indberetninger" in page.text
    assert "kontakt driften" in page.text


WRITTEN: Final = {
    "T5: one digit of øre": ("1234,5", 123_450),
    "T5: spaces between thousands and a unit": ("1 234,50 kr.", 123_450),
    "T5: no øre": ("100,-", 10_000),
    "T5: the unit before the amount": ("kr 100", 10_000),
    "T5: the English decimal point": ("1234.50", 123_450),
    "T5: a million": ("1.000.000", 100_000_000),
    "T5: a thousand in English": ("1,234", None),
    "T5: one digit after the English decimal point": ("1.5", None),
    "T5: two commas": ("1,2,3", None),
    "T7: an amount of sixty thousand spaces": (f"1{9_000 * ' '}1", None),
    "E14: a minus": ("-100,00", None),
}


@pytest.mark.parametrize("door", PEOPLE.values(), ids=PEOPLE.keys())
@pytest.mark.parametrize(("text", "ore"), WRITTEN.values(), ids=WRITTEN.keys())
async def test_an_amount_is_read_the_same_on_the_page_and_in_a_file(
    world: World, employment: str, door: Door, text: str, ore: int | None
) -> None:
    result = await door(world, employment, Entry(allow_large_amount=True, written={"Løn (kr.)": text}))

    if ore is None:
        assert result.decision == "/components/wage_ore"
    else:
        assert result.content[3].wage == ore


@pytest.mark.parametrize("door", PEOPLE.values(), ids=PEOPLE.keys())
@pytest.mark.parametrize("text", ["31-02-2025", "0-3-2025", "1-13-2025", "1-3-25", "1-3-9999"])
async def test_a_day_that_cannot_be_is_refused_on_the_page_and_in_a_file(
    world: World, employment: str, door: Door, text: str
) -> None:
    result = await door(world, employment, Entry(written={"Betalingsdag": text}))

    assert result.decision == "/payment_date"


@st.composite
def entries(draw: st.DrawFn) -> Entry:
    """Reports that may be wrong in every way in which a report of the right form can be."""
    amounts = st.one_of(st.just(0), st.integers(0, 10**7), st.integers(-100, 10**15 + 1))
    days = st.integers(-40, 400).map(lambda number: FIRST + timedelta(number))
    return Entry(
        reference="r" + draw(st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=70)),
        work_first=draw(days),
        work_last=draw(days),
        payment_date=draw(days),
        wage_ore=draw(amounts),
        holiday_pay_ore=draw(st.just(0) | amounts),
        atp_ore=draw(st.just(0) | amounts),
        pension_ore=draw(st.just(0) | amounts),
        allow_duplicate=True,
        allow_large_amount=draw(st.booleans()),
    )


def test_generated_reports_get_the_same_decision_and_the_same_content_everywhere() -> None:
    numbers = count()

    async def check(entry: Entry) -> None:
        async with AsyncExitStack() as stack:
            world = await World.create(stack)
            employment = world.employ(FIRST)
            results = {name: await door(world, employment, entry) for name, door in DOORS.items()}
        decisions = {result.decision for result in results.values()}
        assert len(decisions) == 1, {name: result.decision for name, result in results.items()}
        if decisions == {"booked"}:
            assert len({repr(result.content) for result in results.values()}) == 1
        next(numbers)

    with asyncio.Runner() as runner:

        @settings(max_examples=40, deadline=None)
        @given(entries())
        def generated(entry: Entry) -> None:
            runner.run(check(entry))

        generated()
    assert next(numbers) >= 40
