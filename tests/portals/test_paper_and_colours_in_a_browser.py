"""Long words, narrow screens, paper and forced colours, in a browser."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Final

import pytest
from frikort_contracts.http.roles import Role
from playwright.async_api import Page
from pypdf import PdfReader

from tests.portals import resources
from tests.portals.conftest import OpenTab
from tests.portals.employer.resources import REPORT, employment, has_employments, has_reports, report
from tests.portals.site import Site
from tests.portals.test_every_page import site_as
from tests.portals.test_every_page_in_a_browser import PAGES, open_route

LONG_WORD: Final = "Ordudenmellemrum" * 13
NARROW: Final = 320
RECEIPT: Final = f"/virksomhed/indberetninger/{REPORT}/kvittering"
# Officials have wide screens; `make verify` looks at their pages as well.
_READERS: Final = [
    pytest.param(role, marks=pytest.mark.verify if role in (Role.CASEWORKER, Role.AUTHORITY) else ())
    for role in (None, *Role)
]
_TOO_WIDE: Final = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


@pytest.fixture
def generated(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of the generated site, in which every text is one long word."""
    monkeypatch.setattr("tests.portals.generated_site.HOSTILE", LONG_WORD)
    monkeypatch.setattr("tests.portals.test_every_page.HOSTILE", LONG_WORD)
    with site_as(None).served() as address:
        yield address


@pytest.mark.parametrize("role", _READERS, ids=[str(role or "public") for role in (None, *Role)])
async def test_a_long_word_wraps_on_every_page(open_tab: OpenTab, generated: str, role: Role | None) -> None:
    """T2."""
    tab = await open_tab(width=NARROW)
    wide: dict[str, int] = {}
    for route in (route for route in PAGES if route.role is role):
        site_as(role, 0)
        if await open_route(tab, generated, route) and (pixels := await tab.page.evaluate(_TOO_WIDE)) > 0:
            wide[str(route)] = pixels
    assert wide == {}


async def open_receipt(open_tab: OpenTab, site: Site, address: str) -> Page:
    site.sign_in(Role.EMPLOYER, "Bo Ejer")
    has_employments(site, employment())
    has_reports(site, report(remaining_ore=0))
    return (await (await open_tab()).open(f"{address}{RECEIPT}")).page


async def test_a_printed_receipt_is_one_sheet_with_what_must_be_filed(
    open_tab: OpenTab, site: Site, address: str
) -> None:
    """D5."""
    page = await open_receipt(open_tab, site, address)

    sheets = PdfReader(io.BytesIO(await page.pdf(format="A4"))).pages

    text = " ".join(" ".join(sheet.extract_text() for sheet in sheets).split())
    assert len(sheets) == 1
    for needed in ("99000007", "48213", "1. november 2026 kl. 12.00", "Modtaget", f"{REPORT}/1"):
        assert needed in text
    for other in ("Du bliver logget af", "Du er ved at blive logget af", "Indberet mere løn", "Lønsystemer"):
        assert other not in text


@pytest.mark.parametrize("media", ["print", "screen"])
@pytest.mark.parametrize("forced", ["active", "none"])
async def test_a_receipt_is_accessible_on_paper_and_in_forced_colours(
    open_tab: OpenTab, site: Site, address: str, media: str, forced: str
) -> None:
    """D5."""
    site.sign_in(Role.EMPLOYER, "Bo Ejer")
    has_employments(site, employment())
    has_reports(site, report(remaining_ore=0))
    tab = await open_tab()
    await tab.page.emulate_media(media=media, forced_colors=forced)  # type: ignore[arg-type]
    await tab.open(f"{address}{RECEIPT}")
    await tab.check()


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_the_bar_is_visible_in_forced_colours(open_tab: OpenTab, site: Site, address: str, scheme: str) -> None:
    """D5: what is used differs from the background, and so does the frame."""
    page = await open_receipt(open_tab, site, address)
    await page.emulate_media(forced_colors="active", color_scheme=scheme)  # type: ignore[arg-type]

    colours = await page.evaluate(
        """() => { const of = (selector, name) => getComputedStyle(document.querySelector(selector))[name];
           return { back: of('.bar', 'backgroundColor'), used: of('.bar-used', 'fill'),
                    frame: of('.bar-frame', 'stroke') } }"""
    )

    assert colours["used"] != colours["back"]
    assert colours["frame"] != colours["back"]


async def test_the_bar_shows_the_part_above_the_allowance(open_tab: OpenTab, site: Site, address: str) -> None:
    resources.has_card(site, balances=[resources.balance(2 * resources.ALLOWANCE)])
    tab = await open_tab()
    await tab.open(f"{address}/borger")

    widths = await tab.page.evaluate(
        """() => [...document.querySelectorAll('#balance > rect')].map(one => one.getBoundingClientRect().width)"""
    )

    used, excess, frame = widths
    assert abs(used - excess) < 2
    assert abs(used + excess - frame) < 4
