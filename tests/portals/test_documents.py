"""PDF documents: accessible by their tags, and with text that is never read as markup."""

from __future__ import annotations

import io
import re
from typing import Any

import pytest
from pypdf import PdfReader

from services.portals.documents.card import PhysicalCard, physical_card
from services.portals.documents.record import Column, Section, record
from tests.portals.reading import pdf_text

MM = 72 / 25.4
CARD = PhysicalCard("48213", "Testborger Æblegård", "Københavns Kommune", "https://frikort.test/virksomhed/indberet")


def read(pdf: bytes) -> PdfReader:
    return PdfReader(io.BytesIO(pdf))


def structure_of(pdf: bytes) -> set[str]:
    """The kinds of elements in the document's structure tree."""
    found: set[str] = set()

    def walk(node: Any) -> None:
        node = node.get_object()
        if isinstance(node, list):
            for child in node:
                walk(child)
        elif isinstance(node, dict):
            if "/S" in node:
                found.add(str(node["/S"]))
            if "/K" in node:
                walk(node["/K"])

    walk(read(pdf).root_object["/StructTreeRoot"])
    return found


@pytest.mark.parametrize("language", ["da", "en"])
async def test_the_card_is_tagged_and_declares_its_language(language: str) -> None:
    pdf = await physical_card(CARD, str, language)

    root: Any = read(pdf).root_object
    assert root["/MarkInfo"]["/Marked"]
    assert root["/Lang"] == language
    assert b"pdfuaid:part>1" in root["/Metadata"].get_object().get_data()
    assert {"/H1", "/H2", "/L", "/Figure"} <= structure_of(pdf)


async def test_the_card_shows_number_name_municipality_and_where_to_report() -> None:
    text = pdf_text(await physical_card(CARD, str, "da"))

    for expected in (CARD.number, CARD.name, CARD.municipality, "eIndkomst", "frikort.test/"):
        assert expected in text


async def test_the_card_is_printed_on_a4() -> None:
    (page,) = read(await physical_card(CARD, str, "da")).pages
    assert [round(float(side) / MM) for side in (page.mediabox.width, page.mediabox.height)] == [210, 297]


@pytest.mark.parametrize("name", ["#panic()", '"; #let x = 1', "*stjerne* _streg_ $x^2$ @ref <mærke>", "\\ // /* `"])
async def test_text_is_never_read_as_markup(name: str) -> None:
    pdf = await record(
        title=name,
        issuer="Frikort",
        sections=[Section(name, [name], [(name, name)], [Column(name), Column("kr.", numeric=True)], [[name, name]])],
        made_at=name,
        language="da",
    )
    assert pdf_text(pdf).count(re.sub(r"\s+", " ", name)) == 9


async def test_a_long_table_repeats_its_header_on_every_page() -> None:
    rows = [[f"række {number}", f"{number},00 kr."] for number in range(120)]
    pdf = await record(
        title="Indberetninger",
        issuer="Frikort",
        sections=[Section("2025", columns=[Column("Hvad"), Column("Beløb", numeric=True)], rows=rows)],
        made_at="21. november 2026",
        language="da",
    )

    pages = [page.extract_text() for page in read(pdf).pages]
    assert len(pages) > 1
    assert all("Hvad" in page for page in pages)
    assert {"/Table", "/TR", "/TH", "/TD"} <= structure_of(pdf)


async def test_a_row_with_more_cells_than_columns_is_refused() -> None:
    section = Section("s", columns=[Column("a")], rows=[["1", "2"]])
    with pytest.raises(ValueError, match="does not fit"):
        await record(title="t", issuer="i", sections=[section], made_at="", language="da")
