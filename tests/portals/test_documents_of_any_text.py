"""PDF documents hold every text that people type: each character has a glyph or a visible substitute (T1, T2, T3)."""

from __future__ import annotations

import re
import unicodedata
from functools import cache

import httpx2
import pytest
from frikort_contracts.http.common import Municipality
from frikort_contracts.http.mandates import Mandates
from frikort_contracts.http.reports import ReportPage
from frikort_contracts.http.roles import Role
from hypothesis import example, given, settings
from hypothesis import strategies as st

from services.portals.documents import glyphs
from services.portals.documents.card import PhysicalCard, physical_card
from tests.portals import resources as citizen
from tests.portals.employer import resources as employer
from tests.portals.reading import pdf_text
from tests.portals.site import Site

SCRIPTS = "漢字かな한국어العربيةעבריתहिन्दीไทยქართულიአማርኛΕλληνικάКириллица☕😀👩‍👩‍👧🇩🇰"
TEXTS = st.text(
    st.one_of(
        st.characters(exclude_categories=()),
        st.characters(min_codepoint=0x10000, exclude_categories=()),
        st.characters(categories=("Mn", "Mc", "Me", "Cf")),
        st.sampled_from(SCRIPTS),
    ),
    max_size=60,
)
ALL_PLANES = "".join(chr((plane << 16) + 0x1234) for plane in range(17))
LONG_WORD = "W" * 200
ANY = settings(max_examples=40, deadline=None)


@cache
def site() -> Site:
    return Site()


async def downloaded(address: str) -> bytes:
    async with site().client() as client:
        answer: httpx2.Response = await client.get(address)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/pdf"
    return answer.content


@ANY
@given(TEXTS)
@example("Café ☕😀 nov")
@example(ALL_PLANES)
@example(LONG_WORD)
async def test_a_receipt_and_a_year_list_hold_any_text(text: str) -> None:
    """T1: a reference that no font can show made the receipt and the whole year answer 500."""
    text = text.encode(errors="replace").decode()  # JSON cannot carry half of a surrogate pair
    site().sign_in(Role.EMPLOYER)
    employer.has_employments(site(), employer.employment(label=text))
    employer.has_reports(site(), employer.report(reference=text))
    site().answer(
        "GET",
        "/v1/reports",
        ReportPage(reports=[employer.list_item(employer.report(reference=text))], next=None),
        year="2026",
    )

    await downloaded(f"/virksomhed/indberetninger/{employer.REPORT}/kvittering.pdf")
    await downloaded("/virksomhed/indberetninger/aar/2026.pdf")


@ANY
@given(TEXTS)
@example(ALL_PLANES)
@example(LONG_WORD)
async def test_the_citizens_own_pdf_holds_any_text(text: str) -> None:
    """T1."""
    text = text.encode(errors="replace").decode()
    citizen.has_card(
        site(),
        card=citizen.card(name=text, municipality=Municipality(code="101", name=text)),
        reports=[citizen.report(history=[citizen.history("disputed", message=text)])],
    )
    site().answer("GET", "/v1/me/mandates", Mandates(mandates=[citizen.mandate(name=text)]))
    site().answer("GET", "/v1/me/accesses", citizen.accesses(citizen.access(reason=text, by=text, description=text)))

    await downloaded("/borger/mine-data/mit-frikort.pdf")
    await downloaded("/borger/mine-data/hvem-har-set.pdf")


@ANY
@given(TEXTS)
@example(ALL_PLANES)
@example(LONG_WORD)
@example("😀" * 200)
async def test_the_physical_card_holds_any_name(text: str) -> None:
    """T1, T2."""
    await physical_card(PhysicalCard("48213", text, text, "https://frikort.test/virksomhed/indberet"), str, "da")


async def test_a_receipt_shows_emoji_and_marks_what_no_font_has() -> None:
    site().sign_in(Role.EMPLOYER)
    employer.has_employments(site(), employer.employment())
    employer.has_reports(site(), employer.report(reference="Café ☕😀 nov 漢字 \U00013000"))

    text = pdf_text(await downloaded(f"/virksomhed/indberetninger/{employer.REPORT}/kvittering.pdf"))

    assert f"Café ☕😀 nov 漢字 {glyphs.SUBSTITUTE}" in text


@given(TEXTS)
def test_a_displayable_text_has_no_invisible_character_and_no_control_of_direction(text: str) -> None:
    """T3."""
    shown = glyphs.displayable(text)

    joiners = "\N{ZERO WIDTH JOINER}\N{ZERO WIDTH NON-JOINER}"
    assert not [one for one in shown if unicodedata.category(one) in {"Cc", "Cf", "Cs"} and one not in joiners + "\n"]
    assert glyphs.displayable(shown) == shown


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        ("Blåbærgrød, 100 €", "Blåbærgrød, 100 €"),
        ("\u202e000.1", "000.1"),
        ("a\u200db\u200b\ufeff", "ab"),
        ("\N{MATHEMATICAL BOLD CAPITAL F}\N{MATHEMATICAL BOLD SMALL R}", "Fr"),
        ("e\u0301", "é"),
        ("first\tsecond\r", "first second "),
        ("\U00013000", glyphs.SUBSTITUTE),
    ],
)
def test_what_is_shown_of_a_text(typed: str, shown: str) -> None:
    assert glyphs.displayable(typed) == shown


async def test_a_long_word_breaks_within_its_column() -> None:
    """T2."""
    site().sign_in(Role.EMPLOYER)
    employer.has_employments(site(), employer.employment())
    item = employer.list_item(employer.report(reference=LONG_WORD))
    site().answer("GET", "/v1/reports", ReportPage(reports=[item], next=None), year="2026")

    lines = re.findall("W+", pdf_text(await downloaded("/virksomhed/indberetninger/aar/2026.pdf")))

    assert sum(map(len, lines)) == len(LONG_WORD)
    assert max(map(len, lines)) < 20
