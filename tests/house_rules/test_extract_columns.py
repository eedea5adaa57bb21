"""The guide describes every column of every kind of extract, of a year and of a period, as the files do.

``python -m tests.house_rules.test_extract_columns`` writes the tables.
"""

from __future__ import annotations

from typing import Final

from frikort_contracts.extract_files import ExtractKind

from services.exports.extracts.layouts import Layout, layout_of
from tests.house_rules.sources import ROOT, read

_PAGE: Final = "docs/extracts.md"
_BEGIN: Final = "<!-- columns: written by python -m tests.house_rules.test_extract_columns -->\n"
_END: Final = "<!-- end of columns -->"


def tables() -> str:
    """A table for each kind, and for its period where that has other columns, as Markdown."""
    made = []
    for kind in ExtractKind:
        of_year, of_period = layout_of(kind), layout_of(kind, of_period=True)
        made.append(_table(f"`{kind.value}`", of_year))
        if of_period is not of_year:
            made.append(_table(f"`{kind.value}` of a period", of_period))
    return "\n".join(made) + "\n"


def _table(name: str, layout: Layout) -> str:
    rows = [
        f"| `{column.name}` | {column.heading} | {column.type.value} | {column.description} |"
        for column in layout.columns
    ]
    head = ["| Parquet | CSV | values | meaning |", "|---|---|---|---|"]
    return "\n".join([f"### {name}: {layout.title}", "", *head, *rows, ""])


def with_tables(page: str) -> str:
    """The page with the present tables."""
    before, _, rest = page.partition(_BEGIN)
    return before + _BEGIN + tables() + _END + rest.partition(_END)[2]


def test_the_guide_describes_the_columns_of_every_kind() -> None:
    assert read(_PAGE) == with_tables(read(_PAGE)), "run python -m tests.house_rules.test_extract_columns"


if __name__ == "__main__":
    (ROOT / _PAGE).write_text(with_tables(read(_PAGE)), encoding="utf-8")
