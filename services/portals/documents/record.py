"""A record to keep: a receipt for the books, or all that is kept about a person."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

from services.portals.documents.typesetting import typeset


@dataclass(frozen=True)
class Column:
    """A column of a table; amounts stand to the right."""

    name: str
    numeric: bool = False


@dataclass(frozen=True)
class Section:
    """Text, then facts (what, and how much or when), then a table: each may be empty. All text is ready to be read."""

    heading: str = ""
    lines: Sequence[str] = ()
    facts: Sequence[tuple[str, str]] = ()
    columns: Sequence[Column] = ()
    rows: Sequence[Sequence[str]] = field(default=())


async def record(*, title: str, issuer: str, sections: Sequence[Section], made_at: str, language: str) -> bytes:
    """The PDF. Raises ``ValueError`` where a row does not fit its columns."""
    for section in sections:
        if any(len(row) != len(section.columns) for row in section.rows):
            raise ValueError(f"a row of {section.heading!r} does not fit its {len(section.columns)} columns")
    data = {
        "title": title,
        "issuer": issuer,
        "sections": [asdict(section) for section in sections],
        "made_at": made_at,
        "language": language,
    }
    return await typeset("record.typ", data)
