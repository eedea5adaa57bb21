"""The rows of an extract as Arrow columns, made from JSON objects, and the CSV of the rows. Pure.

Nothing here is done row by row in Python, except that a cell which may need quotes or an apostrophe is written by
``csv_writer``. Amounts stay whole numbers and exact decimals.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
from frikort_contracts.extracts import EmployerLine
from frikort_contracts.municipalities import MUNICIPALITIES
from pyarrow.acero import Declaration, ProjectNodeOptions, TableSourceNodeOptions

from services.exports.extracts.layouts import Column, ColumnType, Layout
from services.exports.feeds import StatementFields
from services.runtime import csv_writer
from services.runtime.csv_writer import DANISH, LINE_END, text_cell

_ARROW: Final[Mapping[ColumnType, Any]] = {
    ColumnType.TEXT: pa.string(),
    ColumnType.CODE: pa.string(),
    ColumnType.COUNT: pa.int64(),
    ColumnType.AMOUNT: pa.int64(),
    ColumnType.DAY: pa.date32(),
    ColumnType.FLAG: pa.bool_(),
    ColumnType.MUNICIPALITY: pa.string(),
}
_OF_EMPLOYER: Final = frozenset(EmployerLine.model_fields)
_KRONE: Final = pa.scalar(Decimal("0.01"))
_ORE: Final = pa.decimal128(19)  # the digits of the largest int64
_PLAIN_TEXT: Final = r'^[0-9A-Za-z][^;"\r\n]*$'
"""Text that ``text_cell`` does not change. It may not change other text either."""


def schema_of(layout: Layout) -> Any:
    """The schema of the rows, with the description of each field in its metadata."""
    return pa.schema([_field(column) for column in layout.columns], metadata={"title": layout.title})


def _field(column: Column) -> Any:
    metadata = {"description": column.description, "heading": column.heading}
    if column.type is ColumnType.AMOUNT:
        metadata["unit"] = "øre"
    return pa.field(column.name, _ARROW[column.type], nullable=column.optional, metadata=metadata)


class Rows:
    """Makes the rows of JSON objects. An array of Arrow takes less memory than the objects."""

    def __init__(self, layout: Layout) -> None:
        self._schema = schema_of(layout)
        self._by_employer = layout.by_employer
        self._object = _object_type(self._schema, by_employer=layout.by_employer)

    def read(self, objects: Sequence[StatementFields]) -> Any:
        """The objects as an array of Arrow, with the fields that their rows need."""
        return pa.array(objects, self._object)

    def of(self, objects: Any) -> Any:
        """The rows of an array of objects, as a record batch. Raises ``ValueError`` if an object lacks a value."""
        columns = _columns(objects)
        if self._by_employer:
            columns = _repeated_by_employer(columns)
        if "payment_date" in columns:
            columns["payment_date"] = columns["payment_date"].cast(pa.date32())
        return pa.record_batch([columns[name] for name in self._schema.names], schema=self._schema)


def _object_type(schema: Any, *, by_employer: bool) -> Any:
    """The fields of an object that its rows need."""
    # JSON has no days.
    fields = [field.with_type(pa.string()) if field.type == pa.date32() else field for field in schema]
    if not by_employer:
        return pa.struct(fields)
    employer = pa.struct([field for field in fields if field.name in _OF_EMPLOYER])
    return pa.struct(
        [
            *[field for field in fields if field.name not in {*_OF_EMPLOYER, "disputed"}],
            pa.field("employers", pa.list_(employer), nullable=False),
            pa.field("disputed_employers", pa.list_(pa.string()), nullable=False),
        ]
    )


def _repeated_by_employer(objects: dict[str, Any]) -> dict[str, Any]:
    """A row for each employer: what its object has, its own columns, and whether it is disputed."""
    employers, disputed = objects.pop("employers"), objects.pop("disputed_employers")
    parents, own = pc.list_parent_indices(employers), _columns(employers.flatten())
    disputed_keys = _keys(pc.list_parent_indices(disputed), disputed.flatten())
    return {
        **{name: column.take(parents) for name, column in objects.items()},
        **own,
        "disputed": pc.is_in(_keys(parents, own["cvr"]), value_set=disputed_keys),
    }


def _keys(parents: Any, cvrs: Any) -> Any:
    """The object and the CVR number in one value."""
    return pc.binary_join_element_wise(parents.cast(pa.string()), cvrs, " ")


def _columns(objects: Any) -> dict[str, Any]:
    columns = dict(zip(objects.type.names, objects.flatten(), strict=True))
    for field in objects.type.fields:
        # Arrow does not check this by itself.
        if not field.nullable and columns[field.name].null_count:
            raise ValueError(f"an object has no {field.name}")
    return columns


def csv_header(layout: Layout) -> str:
    """The first line of the CSV, after the BOM."""
    return csv_writer.row(heading for column in layout.columns for heading in _headings(column))


def _headings(column: Column) -> tuple[str, ...]:
    return ("Kommunekode", "Kommune") if column.type is ColumnType.MUNICIPALITY else (column.heading,)


def csv_lines(layout: Layout, rows: Any) -> memoryview:
    """A line for each of at least one row, in UTF-8. No value is an empty cell."""
    columns = [_written(column.type, values) for column, values in zip(layout.columns, rows.columns, strict=True)]
    *cells, last = [_CELLS.get(column.type, _unchanged)(pc.field(column.name)) for column in layout.columns]
    line = _joined(*cells, _joined(last, "", LINE_END), DANISH.separator)
    # One call: between two, a thread waits for the interpreter's lock.
    plan = [
        Declaration("table_source", TableSourceNodeOptions(pa.table(columns, names=rows.schema.names))),
        Declaration("project", ProjectNodeOptions([line], ["line"])),
    ]
    lines = Declaration.from_sequence(plan).to_table(use_threads=False)["line"].combine_chunks()
    text = pc.binary_join(pa.ListArray.from_arrays([0, len(lines)], lines), "")
    return memoryview(text[0].as_buffer())


def _written(column_type: ColumnType, values: Any) -> Any:
    """The cells of values that Python writes, each different one once; other values as they are."""
    write = _WRITTEN.get(column_type)
    if write is None or (write is text_cell and _are_plain(values)):
        return values
    different = values.dictionary_encode()
    return pa.array(map(write, different.dictionary.to_pylist()), pa.string()).take(different.indices)


def _are_plain(texts: Any) -> bool:
    return pc.match_substring_regex(texts, _PLAIN_TEXT).false_count == 0  # type: ignore[no-any-return]


def _joined(*cells: Any) -> Any:
    return pc.binary_join_element_wise(*cells, null_handling="replace", null_replacement="")


def _kroner(amounts: Any) -> Any:
    kroner = pc.multiply(amounts.cast(_ORE), _KRONE)
    return pc.replace_substring(kroner.cast(pa.string()), ".", DANISH.decimal_mark)


def _as_text(values: Any) -> Any:
    return values.cast(pa.string())


def _yes_or_no(values: Any) -> Any:
    return pc.if_else(values, "ja", "nej")


def _unchanged(values: Any) -> Any:
    return values


_MUNICIPALITIES: Final = {code: f"{code};{text_cell(name)}" for code, name in MUNICIPALITIES.items()}
# Only text can be taken for a formula.
_WRITTEN: Final[Mapping[ColumnType, Callable[[str], str]]] = {
    ColumnType.TEXT: text_cell,
    ColumnType.MUNICIPALITY: _MUNICIPALITIES.__getitem__,
}
_CELLS: Final[Mapping[ColumnType, Callable[[Any], Any]]] = {
    ColumnType.COUNT: _as_text,
    ColumnType.AMOUNT: _kroner,
    ColumnType.DAY: _as_text,
    ColumnType.FLAG: _yes_or_no,
}
"""The cells of the other values, as an expression of Arrow."""
