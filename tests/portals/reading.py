"""Reads pages, PDF files and CSV files: their text, the error at a field, the rows."""

from __future__ import annotations

import csv
import html
import io
import re
from urllib.parse import parse_qs

import httpx2
from pypdf import PdfReader


def page_text(page: httpx2.Response) -> str:
    """The text of the main part of a page, or of a fragment: without tags, with single spaces."""
    assert page.headers["content-type"].startswith("text/html"), page.text
    main = page.text.partition('id="main-content">')[2].partition("</main>")[0] or page.text
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", main)).split())


def error_at(page: httpx2.Response, input_id: str) -> str:
    """The error message at an input. The error summary must link to the input."""
    message = re.search(rf'id="{input_id}-error">(.*?)</span>\s*\n', page.text, re.DOTALL)
    assert message, f"there is no error at {input_id}"
    assert re.search(rf'<a class="function-link" href="#{input_id}[^"]*">', page.text)
    return re.sub(r"<[^>]+>", "", message[1]).removeprefix("Fejl: ")


def login_link(page: httpx2.Response) -> dict[str, list[str]]:
    """The parameters of the link that leads to the login."""
    [link] = re.findall(r'class="button[^"]*" href="/login\?([^"]*)"', page.text)
    return parse_qs(html.unescape(link))


def pdf_text(pdf: bytes) -> str:
    """The text of all pages of a PDF file, with single spaces."""
    return " ".join(" ".join(page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages).split())


def csv_rows(content: bytes, delimiter: str = ";") -> list[list[str]]:
    """The rows of a CSV file in UTF-8."""
    return list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""), delimiter=delimiter))
