"""The components of the pages in a browser: accessible, valid, and usable without a mouse or JavaScript."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Final
from urllib.parse import parse_qs, urlsplit

import pytest
from frikort_contracts.http.roles import Role
from starlette.responses import JSONResponse, Response

from services.portals import forms
from services.portals.page import CitizenPage, OpenPage
from tests.portals.browser import Tab
from tests.portals.conftest import OpenTab
from tests.portals.site import Site, render_source
from tests.waiting import eventually

KIT: Final = (Path(__file__).parent / "kit.html").read_text(encoding="utf-8")
FIELDS: Final = {
    "card_number": forms.card_number(),
    "components.wage_ore": forms.amount(),
    "period.first": forms.day(),
    "period.last": forms.day(optional=True),
    "year": forms.whole_number(),
    "reason": forms.choice("lost", "abused"),
    "note": forms.text(optional=True),
    "allow_duplicate": forms.flag(),
    "file": forms.text(optional=True),
}
VALUES: Final = {"today": date(2026, 11, 21), "now": datetime(2026, 11, 21, 13, 30, tzinfo=UTC)}
# The event that a browser sends when the person comes back to the tab.
SHOWN: Final = "document.dispatchEvent(new Event('visibilitychange'))"


@pytest.fixture
def site(site: Site) -> Site:
    """The portals with a page that has every component and stores the forms that it receives."""
    sent: list[forms.Form] = []
    site.app.state.sent = sent

    @site.app.get("/borger/kit")
    async def see(page: OpenPage) -> Response:
        return render_source(page, KIT, page.form(FIELDS, {"reason": "lost"}), **VALUES)

    @site.app.post("/borger/kit")
    async def send(page: OpenPage) -> Response:
        form = await page.posted(FIELDS)
        sent.append(form)
        return render_source(page, KIT, form, **VALUES)

    @site.app.post("/login/forlaeng")
    async def stay() -> Response:
        return JSONResponse({"ends_at": "2999-01-01T00:00:00+00:00"})

    site.sign_in(Role.CITIZEN)
    return site


async def fill_in(tab: Tab, **typed: str) -> None:
    """Fill in the form with the keyboard alone, from the top of the page to its button."""
    page, keys = tab.page, tab.keys
    await keys.tab_to(page.get_by_label("Frikortnummer"))
    await keys.type("12345")
    await keys.tab_to(page.get_by_label("Løn i kroner"))
    await keys.type(typed.get("wage", "7.500,00"))
    first = page.get_by_role("group", name="Første dag")
    for label, value in (("Dag", "1"), ("Måned", "3"), ("År", "2025")):
        await keys.tab_to(first.get_by_label(label))
        await keys.type(value)
    await keys.tab_to(page.get_by_role("combobox", name="År"))
    await keys.type("2026")
    await keys.tab_to(page.get_by_label("Mistet"))
    await keys.press("ArrowDown")
    await keys.tab_to(page.get_by_label("Det er en anden betaling"))
    await keys.press("Space")
    await keys.tab_to(page.get_by_role("button", name="Send", exact=True))
    await keys.press("Enter")


@pytest.mark.parametrize("javascript", [True, False], ids=["with JavaScript", "without"])
async def test_a_form_is_filled_in_with_the_keyboard_alone(
    open_tab: OpenTab, site: Site, address: str, javascript: bool
) -> None:
    tab = await open_tab(javascript=javascript)
    await tab.open(f"{address}/borger/kit")

    await fill_in(tab)

    async def sent() -> forms.Form | None:
        return site.app.state.sent[0] if site.app.state.sent else None

    form = await eventually(sent)
    assert form.errors == {}
    assert form.body == {
        "card_number": "12345",
        "components": {"wage_ore": 750_000},
        "period": {"first": date(2025, 3, 1)},
        "year": 2026,
        "reason": "abused",
        "allow_duplicate": True,
    }


async def test_every_component_is_accessible_and_valid(open_tab: OpenTab, address: str, width: int) -> None:
    tab = await open_tab(width=width)

    await tab.open(f"{address}/borger/kit")

    await tab.check()


async def test_an_error_is_listed_at_the_top_and_links_to_its_field(
    open_tab: OpenTab, address: str, width: int
) -> None:
    tab = await open_tab(width=width)
    await tab.open(f"{address}/borger/kit")
    await tab.page.get_by_label("Løn i kroner").fill("16,500")
    await tab.page.get_by_role("button", name="Send", exact=True).click()

    await tab.check()
    wage = tab.page.get_by_label("Løn i kroner")
    await tab.page.get_by_role("link", name="Skriv beløbet som 7.500,00").click()
    assert await wage.evaluate("element => element === document.activeElement")
    assert await wage.input_value() == "16,500"
    assert await wage.get_attribute("aria-invalid") == "true"


async def test_the_menu_of_a_phone_opens_with_the_keyboard(open_tab: OpenTab, address: str) -> None:
    tab = await open_tab(width=390)
    await tab.open(f"{address}/borger/kit")

    await tab.keys.tab_to(tab.page.get_by_role("button", name="Menu", exact=True))
    await tab.keys.press("Enter")

    await tab.page.get_by_role("dialog", name="Menu").get_by_role("button", name="Log af").wait_for()
    await tab.check()


async def test_without_javascript_the_whole_menu_is_visible(open_tab: OpenTab, address: str) -> None:
    tab = await open_tab(width=390, javascript=False)
    await tab.open(f"{address}/")

    await tab.keys.tab_to(tab.page.get_by_role("button", name="Log af"))
    await tab.keys.tab_to(tab.page.get_by_role("link", name="For virksomheder", exact=True))
    await tab.keys.press("Enter")

    await tab.page.get_by_role("heading", name="Frikort for virksomheder", level=1).wait_for()


async def test_before_a_session_ends_the_page_offers_to_extend_it(open_tab: OpenTab, site: Site, address: str) -> None:
    site.sign_in(Role.CITIZEN, minutes=4)
    tab = await open_tab()
    await tab.open(f"{address}/borger/kit")
    await tab.page.get_by_label("Frikortnummer").fill("123")

    dialog = tab.page.get_by_role("dialog", name="Du er ved at blive logget af")
    await dialog.wait_for()
    await tab.check()
    await tab.keys.tab_to(dialog.get_by_role("button", name="Forbliv logget på"))
    site.sign_in(Role.CITIZEN)  # the request extends the session to half an hour
    await tab.keys.press("Enter")

    await dialog.wait_for(state="hidden")
    assert await tab.page.get_by_label("Frikortnummer").input_value() == "123"


async def test_the_page_says_that_the_session_has_ended(open_tab: OpenTab, site: Site, address: str) -> None:
    site.sign_in(Role.CITIZEN, minutes=0.02)
    tab = await open_tab()
    await tab.open(f"{address}/borger/kit")
    site.sign_out()

    await tab.page.get_by_role("heading", name="Du er logget af").wait_for()

    again = tab.page.get_by_role("link", name="Log på igen")
    assert await again.get_attribute("href") == "/login?next=%2Fborger%2Fkit"


async def test_d4_a_session_that_another_tab_extended_goes_on_in_this_one(
    open_tab: OpenTab, site: Site, address: str
) -> None:
    site.sign_in(Role.CITIZEN, minutes=4)
    tab = await open_tab()
    await tab.open(f"{address}/borger/kit")
    dialog = tab.page.get_by_role("dialog", name="Du er ved at blive logget af")
    await dialog.wait_for()

    site.sign_in(Role.CITIZEN)
    await tab.page.evaluate(SHOWN)

    await dialog.wait_for(state="hidden")
    await tab.page.get_by_label("Frikortnummer").fill("123")


async def test_d4_what_was_typed_is_there_again_after_the_session_has_ended(
    open_tab: OpenTab, site: Site, address: str
) -> None:
    @site.app.get("/borger/kladde")
    async def see(page: CitizenPage) -> Response:
        return render_source(page, KIT, page.form(FIELDS, {"reason": "lost"}), **VALUES)

    site.sign_in(Role.CITIZEN)
    tab = await open_tab()
    await tab.open(f"{address}/borger/kladde")
    await tab.page.get_by_label("Frikortnummer").fill("123")
    site.sign_out()
    await tab.page.evaluate(SHOWN)

    await tab.page.get_by_role("heading", name="Du er logget af").wait_for()
    await tab.page.get_by_text("Vi gemmer det, du har skrevet.").wait_for()
    await tab.check()
    link = await tab.page.get_by_role("link", name="Log på igen").get_attribute("href")
    [following] = parse_qs(urlsplit(str(link)).query)["next"]
    site.sign_in(Role.CITIZEN)
    await tab.open(f"{address}{following}")

    assert following.startswith("/borger/kladde?genoptag=")
    await tab.page.get_by_text("Det er ikke sendt endnu.").wait_for()
    assert await tab.page.get_by_label("Frikortnummer").input_value() == "123"


@pytest.mark.parametrize(
    ("broken", "finding"),
    [
        ('<img src="/static/x/logo.svg">', "alternativ tekst|alt"),
        ("<h4>Dybt</h4>", "Overskrift|heading"),
        ("<p id=a></p><p id=a></p>", "Duplicate ID"),
        ('<p style="color: red">Rød</p>', "Content Security Policy"),
        ("<script>alert(1)</script>", "Content Security Policy"),
        ('<p class="wide">Bred</p><input size="500">', "too wide"),
    ],
)
async def test_the_checks_find_each_kind_of_error(
    open_tab: OpenTab, site: Site, address: str, broken: str, finding: str
) -> None:
    @site.app.get("/broken")
    async def see(page: OpenPage) -> Response:
        source = (
            '{% extends "layout.html" %}{% set title = "x" %}{% block content %}<h1>x</h1>' + broken + "{% endblock %}"
        )
        return render_source(page, source, page.form())

    tab = await open_tab()
    await tab.open(f"{address}/broken")

    with pytest.raises(AssertionError, match=f"(?i){finding}"):
        await tab.check()


async def test_the_waiting_page_sends_its_form_again(open_tab: OpenTab, site: Site, address: str) -> None:
    sent_count = 0

    @site.app.post("/wait")
    async def see(page: OpenPage) -> Response:
        nonlocal sent_count
        sent_count += 1
        if sent_count > 1:
            return page.redirect("/")
        return page.render("common/pending.html", waiting=await page.posted())

    tab = await open_tab()
    await tab.open(f"{address}/")
    await tab.page.evaluate(
        "() => { const form = document.createElement('form'); form.method = 'post'; form.action = '/wait';"
        " const token = document.createElement('input'); token.name = 'form_token';"
        " token.value = document.querySelector('[name=form_token]').value; form.append(token);"
        " document.body.append(form); form.submit(); }"
    )

    async def back() -> bool:
        return tab.page.url == f"{address}/" and sent_count > 1

    await eventually(back)
    assert sent_count == 2
