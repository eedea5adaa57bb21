"""The guide describes every column of every kind of extract, as the files do.

``python -m tests.house_rules.test_extract_columns`` writes the tables.
"""

from __future__ import annotations

from typing import Final

from frikort_contracts.extract_files import ExtractKind

from services.exports.extracts.layouts import layout_of
from tests.house_rules.sources import ROOT, read

_PAGE: Final = "docs/extracts.md"
_BEGIN: Final = "<!-- columns: written by python -m tests.house_rules.test_extract_columns -->\n"
_END: Final = "<!-- end of columns -->"


def tables() -> str:
    """A table for each kind, as Markdown."""
    return "\n".join(map(_table, ExtractKind)) + "\n"


def _table(kind: ExtractKind) -> str:
    layout = layout_of(kind)
    rows = [
        f"| `{column.name}` | {column.heading} | {column.type.value} | {column.description} |"
        for column in layout.columns
    ]
    head = ["| Parquet | CSV | values | meaning |", "|---|---|---|---|"]
    return "\n".join([f"### `{kind.value}`: {layout.title}", "", *head, *rows, ""])


def with_tables(page: str) -> str:
    """The page with the present tables."""
    before, _, rest = page.partition(_BEGIN)
    return before + _BEGIN + tables() + _END + rest.partition(_END)[2]


def test_the_guide_describes_the_columns_of_every_kind() -> None:
    assert read(_PAGE) == with_tables(read(_PAGE)), "run python -m tests.house_rules.test_extract_columns"


if __name__ == "__main__":
    (ROOT / _PAGE).write_text(with_tables(read(_PAGE)), encoding="utf-8")
