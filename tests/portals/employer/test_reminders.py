"""D8: reminders are a table, of which several are answered at once."""

from __future__ import annotations

import re
from datetime import date
from typing import Final
from uuid import UUID

import httpx2
import pytest
from frikort_contracts.http.common import Days
from frikort_contracts.http.employments import ReminderResource, Reminders

from services.portals.employer.reminders import NoWork, parsed
from tests.portals.employer.resources import EMPLOYMENT, employment
from tests.portals.reading import page_text
from tests.portals.site import FORM, Refusal, Site, answer_to_form

PATH: Final = "/virksomhed/paamindelser"
OTHERS: Final = [str(UUID(int=number)) for number in range(1, 43)]


def question(employment_id: str = EMPLOYMENT) -> ReminderResource:
    return ReminderResource(
        kind="no-recent-report",
        employment_id=employment_id,
        card_number="48213",
        label=employment_id[-4:],
        text="Har der været arbejde fra den 1. oktober til den 20. november?",
        days=Days(first=date(2026, 10, 1), last=date(2026, 11, 20)),
    )


def has_questions(site: Site, *ids: str) -> None:
    site.answer("GET", "/v1/reminders", Reminders(reminders=[question(one) for one in ids], next=None))
    for one in ids:
        site.answer("POST", f"/v1/employments/{one}/no-work", employment(employment_id=one))


def values(page: httpx2.Response) -> list[str]:
    return re.findall(r'name="uden-arbejde" value="([^"]+)"', page.text)


async def send(client: httpx2.AsyncClient, *chosen: str) -> httpx2.Response:
    return await client.post(PATH, data={**FORM, "uden-arbejde": list(chosen)})


async def test_a_reminder_is_a_question_with_two_answers(site: Site, client: httpx2.AsyncClient) -> None:
    has_questions(site, EMPLOYMENT)
    page = await client.get("/virksomhed")
    assert question().text in page_text(page)
    assert f'href="/virksomhed/indberet/{EMPLOYMENT}"' in page.text
    assert f'action="{PATH}"' in page.text
    assert values(page) == [f"{EMPLOYMENT}/2026-10-01/2026-11-20"]


async def test_many_reminders_are_on_a_page_of_their_own(site: Site, client: httpx2.AsyncClient) -> None:
    has_questions(site, EMPLOYMENT, *OTHERS)
    front = await client.get("/virksomhed")
    assert len(values(front)) < len(OTHERS)
    assert f'href="{PATH}"' in front.text
    assert len(values(await client.get(PATH))) == 1 + len(OTHERS)


async def test_several_periods_are_answered_at_once(site: Site, client: httpx2.AsyncClient) -> None:
    has_questions(site, *OTHERS)
    chosen = values(await client.get(PATH))[:7]

    done = await send(client, *chosen)

    assert done.headers["location"] == f"{PATH}?sket=7"
    assert {path for path, _, _ in site.commands()} == {f"/v1/employments/{one}/no-work" for one in OTHERS[:7]}
    assert all(body == {"first": "2026-10-01", "last": "2026-11-20"} for _, body, _ in site.commands())
    assert len({key for _, _, key in site.commands()}) == 7
    assert "7 svar er noteret." in page_text(await client.get(done.headers["location"]))


async def test_a_form_that_is_sent_twice_has_the_same_keys(site: Site, client: httpx2.AsyncClient) -> None:
    has_questions(site, EMPLOYMENT)
    (value,) = values(await client.get(PATH))
    for _ in range(2):
        await send(client, value)
    assert len(site.commands()) == 2
    assert len({key for _, _, key in site.commands()}) == 1


async def test_a_refused_answer_is_named_and_the_others_are_done(site: Site, client: httpx2.AsyncClient) -> None:
    has_questions(site, *OTHERS[:2])
    site.answer("POST", f"/v1/employments/{OTHERS[0]}/no-work", Refusal("no-work-in-future"))
    chosen = values(await client.get(PATH))

    answer = await answer_to_form(client, await send(client, *chosen))

    assert answer.status_code == 422
    assert answer.text.count("<li>Dagene uden arbejde") + answer.text.count("<li>") > 0
    assert len(site.commands()) == 2


@pytest.mark.parametrize("chosen", [(), ("x",), ("a/b/c",)])
async def test_no_chosen_period_is_an_error(site: Site, client: httpx2.AsyncClient, chosen: tuple[str, ...]) -> None:
    has_questions(site, EMPLOYMENT)
    answer = await answer_to_form(client, await send(client, *chosen))
    assert "Sæt flueben ved mindst én periode." in page_text(answer)
    assert site.commands() == []


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (f"{EMPLOYMENT}/2026-10-01/2026-11-20", NoWork(EMPLOYMENT, date(2026, 10, 1), date(2026, 11, 20))),
        (f"{EMPLOYMENT}/2026-10-01", None),
        ("../../x/2026-10-01/2026-11-20", None),
        (f"{EMPLOYMENT}/1/2", None),
    ],
)
def test_the_value_of_a_checkbox_is_checked(value: str, expected: NoWork | None) -> None:
    assert parsed(value) == expected
