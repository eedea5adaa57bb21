"""The cursor of a list that is shown page by page."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query

Cursor = Annotated[str, Query(max_length=400)]
"""Where a page begins: `next` of the API's page before; empty for the first."""
