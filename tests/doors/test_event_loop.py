"""No request holds the event loop longer than 50 ms of processor time, whatever its fields contain (T7)."""

from __future__ import annotations

import asyncio
import gc
import json
from collections.abc import Coroutine
from typing import Any, Final

import httpx2
import pytest

from tests.doors.doors import Entry, json_body
from tests.doors.test_rows import FIRST
from tests.doors.world import World
from tests.fuzz.test_event_loop import LONGEST, longest_turn
from tests.portals.site import FORM

HOSTILE: Final = {
    "spaces inside a number": "1" + 40_000 * " " + "1",
    "digits": 50_000 * "9",
    "groups of thousands": 7_000 * "1.111,",
    "invisible characters": 6_000 * "a\u200d",
    "combining marks": "e" + 4_700 * "\u0301\u0323",
    "numbers like a CPR number": 4_000 * "610180-123 ",
    "numbers like a UUID": 1_300 * "0e5d8f8e-1a51-4c0f-8c7e-3b6c0f6a2d2 ",
    "an address": 20_000 * "a." + "@",
}


async def answered(work: Coroutine[Any, Any, httpx2.Response]) -> tuple[int, float]:
    """The status of the response, and the longest turn of the event loop until then."""
    gc.collect()  # so that the request does not pay for the objects of other tests
    answer = asyncio.ensure_future(work)
    longest = await longest_turn(answer)
    return answer.result().status_code, longest


@pytest.fixture
async def employment(world: World) -> str:
    """An employment whose pages were shown once: the first page compiles its templates."""
    employment = world.employ(FIRST)
    await world.pages.post(f"/virksomhed/indberet/{employment}", data=FORM)
    await world.pages.post("/virksomhed/ansaettelser/ny", data=FORM)
    return employment


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
@pytest.mark.parametrize("field", ["components.wage_ore", "reference", "payment_date-day"])
async def test_t7_a_field_of_the_page_of_a_report(world: World, employment: str, field: str, text: str) -> None:
    status, longest = await answered(world.pages.post(f"/virksomhed/indberet/{employment}", data={**FORM, field: text}))
    assert status in {413, 422}
    assert longest < LONGEST


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
@pytest.mark.parametrize("field", ["card_number", "contact.name", "contact.email", "contact.phone", "label"])
async def test_t7_a_field_of_the_page_of_an_employment(world: World, employment: str, field: str, text: str) -> None:
    status, longest = await answered(world.pages.post("/virksomhed/ansaettelser/ny", data={**FORM, field: text}))
    assert status in {413, 422}
    assert longest < LONGEST


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
async def test_t7_a_text_of_a_report_of_a_program(world: World, employment: str, text: str) -> None:
    body: dict[str, Any] = json_body(Entry(reference=text), employment_id=employment)
    status, longest = await answered(
        world.api.post(
            "/v1/reports",
            content=json.dumps(body, ensure_ascii=False).encode(),
            headers={**world.headers, "content-type": "application/json"},
        )
    )
    assert status in {413, 422}
    assert longest < LONGEST


@pytest.mark.parametrize(
    "line", ["1", "{}", ";", '"', "{" + 4_000 * " " + "}"], ids=["1", "{}", ";", "quote", "spaces"]
)
@pytest.mark.parametrize("media_type", ["application/jsonl", "application/octet-stream"])
async def test_t7_a_file_of_very_many_lines(world: World, employment: str, media_type: str, line: str) -> None:
    content = "\n".join(["{}", *(900 * [line])]).encode()
    status, longest = await answered(world.send_file(content, media_type))
    assert status == 201
    assert longest < LONGEST
