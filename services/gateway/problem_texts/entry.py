"""An entry of the problem catalogue."""

from __future__ import annotations

from typing import NamedTuple


class Text(NamedTuple):
    """A problem in one language. ``explain`` precedes the remedy if all the facts that it names are known."""

    title: str
    remedy: str
    explain: str = ""


class Entry(NamedTuple):
    """A problem: its HTTP status and its texts."""

    status: int
    da: Text
    en: Text
