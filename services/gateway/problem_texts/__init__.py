"""The problem catalogue: for every problem its status, and in Danish and English a title and a remedy."""

from __future__ import annotations

from typing import Final

from services.gateway.problem_texts.entry import Entry, Text
from services.gateway.problem_texts.refusals import REFUSALS
from services.gateway.problem_texts.requests import REQUESTS

__all__ = ["CATALOGUE", "Entry", "Text"]

CATALOGUE: Final[dict[str, Entry]] = {**REFUSALS, **REQUESTS}
