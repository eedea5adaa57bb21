"""Typst makes the PDF: one library without system dependencies, whose output is tagged (PDF/UA-1, ISO 14289-1)."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

import segno
import typst

from services.portals.documents import glyphs

_DIRECTORY: Final = Path(__file__).parent


async def typeset(template: str, data: Mapping[str, Any]) -> bytes:
    """The PDF of ``template`` (a file of this directory), which reads ``data`` as JSON from its input ``data``.

    Text in ``data`` is only ever text: a template never evaluates it. The template finds its fonts in ``fonts``.
    """
    return await asyncio.to_thread(_typeset, template, data)


def _typeset(template: str, data: Mapping[str, Any]) -> bytes:
    shown = glyphs.displayable_data({**data, "fonts": glyphs.families()})
    pdf = typst.compile(
        _DIRECTORY / template,
        root=_DIRECTORY,
        font_paths=_fonts(),
        sys_inputs={"data": json.dumps(shown, ensure_ascii=False)},
        pdf_standards="ua-1",
    )
    if not isinstance(pdf, bytes):
        raise TypeError("a PDF is one file")
    return pdf


@cache
def _fonts() -> typst.Fonts:
    return typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=list(glyphs.DIRECTORIES))


def qr_code(address: str) -> str:
    """``address`` as a QR code (ISO/IEC 18004, a quarter of it may be damaged), as SVG."""
    drawn = io.BytesIO()
    segno.make(address, error="q", micro=False).save(drawn, kind="svg", border=2, xmldecl=False)
    return drawn.getvalue().decode()
