"""Typst makes the PDF: one library without system dependencies, whose output is tagged (PDF/UA-1, ISO 14289-1)."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import segno
import typst

_DIRECTORY: Final = Path(__file__).parent
_FONTS: Final = (_DIRECTORY / "fonts",)


async def typeset(template: str, data: Mapping[str, Any]) -> bytes:
    """The PDF of ``template`` (a file of this directory), which reads ``data`` as JSON from its input ``data``.

    Text in ``data`` is only ever text: a template never evaluates it.
    """
    return await asyncio.to_thread(_typeset, template, json.dumps(data, ensure_ascii=False))


def _typeset(template: str, data: str) -> bytes:
    pdf = typst.compile(
        _DIRECTORY / template,
        root=_DIRECTORY,
        font_paths=list(_FONTS),
        ignore_system_fonts=True,
        sys_inputs={"data": data},
        pdf_standards="ua-1",
    )
    if not isinstance(pdf, bytes):
        raise TypeError("a PDF is one file")
    return pdf


def qr_code(address: str) -> str:
    """``address`` as a QR code (ISO/IEC 18004, a quarter of it may be damaged), as SVG."""
    drawn = io.BytesIO()
    segno.make(address, error="q", micro=False).save(drawn, kind="svg", border=2, xmldecl=False)
    return drawn.getvalue().decode()
