"""Writes the files of an extract: takes JSON objects, stores CSV, JSON Lines and Parquet, returns their digests.

All three are written together, so they have the same rows. Memory does not grow with the number of rows: text is
written in pieces, and Parquet in row groups. Amounts are integer øre; only the CSV shows kroner. It is made for a
Danish Excel: BOM, semicolons, decimal commas. The same objects give the same bytes with the same version of pyarrow.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from io import RawIOBase
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq
from frikort_contracts.extract_files import FileFormat, StoredFile
from pydantic_core import to_json

from services.exports.extracts.layouts import Column, ColumnType, Layout, Row
from services.exports.feeds import StatementFields
from services.runtime import csv_writer
from services.runtime.file_store import FileStore, FileWriter

PIECE_BYTES: Final = 256 * 1024
ROW_GROUP: Final = 10_000
"""Rows of a row group of Parquet: some megabytes."""

_ARROW: Final[Mapping[ColumnType, Any]] = {
    ColumnType.TEXT: pa.string(),
    ColumnType.CODE: pa.string(),
    ColumnType.COUNT: pa.int64(),
    ColumnType.AMOUNT: pa.int64(),
    ColumnType.DAY: pa.date32(),
    ColumnType.FLAG: pa.bool_(),
    ColumnType.MUNICIPALITY: pa.string(),
}
_REPEATED: Final = frozenset({ColumnType.CODE, ColumnType.MUNICIPALITY})
"""Columns whose values repeat: Parquet stores each value once."""


@dataclass
class Sums:
    """The sums of a manifest, over the objects written so far. Amounts in øre."""

    count: int = 0
    reported: int = 0
    exempt: int = 0
    excess: int = 0
    provisional: bool = False

    def add(self, objects: Sequence[StatementFields]) -> None:
        """Add objects. Suppressed amounts of statistics count as none."""
        self.count += len(objects)
        for fields in objects:
            exempt, excess = fields["exempt"] or 0, fields["excess"] or 0
            self.reported += exempt + excess
            self.exempt += exempt
            self.excess += excess
            self.provisional = self.provisional or fields.get("provisional", False)


class ExtractFiles:
    """The files of one extract, in a store, under names that begin with ``prefix``.

    Its calls block. Call ``close`` in any case: it deletes the files that are not finished.
    """

    def __init__(self, layout: Layout, store: FileStore, prefix: str, *, row_group: int = ROW_GROUP) -> None:
        self.sums = Sums()
        self._layout = layout
        self._threads = ThreadPoolExecutor(len(FileFormat), "extract-files")
        self._outputs = {
            file_format: _Output(file_format, store.create(f"{prefix}.{file_format.value}"), self._threads)
            for file_format in FileFormat
        }
        self._outputs[FileFormat.CSV].write((csv_writer.BOM + layout.csv_header()).encode())
        self._parquet = _Parquet(layout, self._outputs[FileFormat.PARQUET], row_group)
        self._files: tuple[StoredFile, ...] | None = None

    def add(self, objects: Sequence[StatementFields]) -> None:
        """Write objects of the JSON Lines file, and their rows to the other files."""
        if not objects:
            return
        self.sums.add(objects)
        rows = [row for fields in objects for row in self._layout.rows(fields)]
        self._outputs[FileFormat.CSV].write(self._layout.csv_lines(rows).encode())
        self._outputs[FileFormat.JSON_LINES].write(b"\n".join([*map(to_json, objects), b""]))
        self._parquet.add(rows)

    def finish(self) -> tuple[StoredFile, ...]:
        """Write what is left, and store the files durably."""
        self._parquet.finish()
        self._files = tuple(output.finish() for output in self._outputs.values())
        return self._files

    def close(self) -> None:
        """End the threads. Files that are not finished are deleted."""
        if self._files is None:
            for output in self._outputs.values():
                output.abandon()
            self._parquet.abandon()
        self._threads.shutdown()


class _Output:
    """One file. Its bytes are digested and stored in a thread, while the next ones are made."""

    def __init__(self, file_format: FileFormat, writer: FileWriter, threads: ThreadPoolExecutor) -> None:
        self._format = file_format
        self._writer = writer
        self._threads = threads
        self._digest = sha256()
        self.size = 0
        self._pending = bytearray()
        self._work: Future[None] | None = None
        self._abandoned = False

    def write(self, content: bytes) -> None:
        """Write bytes, in pieces."""
        self._pending += content
        if len(self._pending) >= PIECE_BYTES:
            piece, self._pending = bytes(self._pending), bytearray()
            self.run(partial(self.store, piece))

    def run(self, work: Callable[[], None]) -> None:
        """Run ``work`` in a thread, after the work before."""
        self._wait()
        self._work = self._threads.submit(work)

    def store(self, piece: bytes) -> None:
        """Digest and store bytes. Called by ``work``. An abandoned file stores nothing."""
        if self._abandoned:
            return
        self._digest.update(piece)
        self.size += len(piece)
        self._writer.write(piece)

    def finish(self) -> StoredFile:
        self._wait()
        if self._pending:
            self.store(bytes(self._pending))
        self._writer.finish()
        return StoredFile(format=self._format, name=self._writer.name, size=self.size, sha256=self._digest.hexdigest())

    def abandon(self) -> None:
        with contextlib.suppress(Exception):
            self._wait()
        self._abandoned = True
        self._writer.abandon()

    def _wait(self) -> None:
        if self._work is not None:
            self._work.result()
            self._work = None


class _Parquet:
    """A Parquet file in row groups of ``row_group`` rows, whatever the batches are."""

    def __init__(self, layout: Layout, output: _Output, row_group: int) -> None:
        self._schema = schema_of(layout)
        self._output = output
        self._row_group = row_group
        self._rows: list[Row] = []
        self._writer = pq.ParquetWriter(
            pa.PythonFile(_Stored(output), mode="w"),
            self._schema,
            compression="zstd",
            use_dictionary=[column.name for column in layout.columns if column.type in _REPEATED],
        )

    def add(self, rows: Sequence[Row]) -> None:
        self._rows += rows
        while len(self._rows) >= self._row_group:
            group, self._rows = self._rows[: self._row_group], self._rows[self._row_group :]
            self._output.run(partial(self._write, group))

    def finish(self) -> None:
        last, self._rows = self._rows, []
        self._output.run(partial(self._write_last, last))

    def abandon(self) -> None:
        """Close the writer, which would write the end of the file when it is collected."""
        with contextlib.suppress(Exception):
            self._writer.close()

    def _write_last(self, rows: list[Row]) -> None:
        if rows:
            self._write(rows)
        self._writer.close()

    def _write(self, rows: list[Row]) -> None:
        columns = zip(*rows, strict=True)
        arrays = [pa.array(values, field.type) for values, field in zip(columns, self._schema, strict=True)]
        self._writer.write_batch(pa.record_batch(arrays, schema=self._schema))


class _Stored(RawIOBase):
    """The file that pyarrow writes to."""

    def __init__(self, output: _Output) -> None:
        self._output = output

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._output.size

    def write(self, content: Any, /) -> int:
        piece = bytes(content)
        self._output.store(piece)
        return len(piece)


def schema_of(layout: Layout) -> Any:
    """The schema of the Parquet file, with the description of each field in its metadata."""
    return pa.schema([_field(column) for column in layout.columns], metadata={"title": layout.title})


def _field(column: Column) -> Any:
    metadata = {"description": column.description, "heading": column.heading}
    if column.type is ColumnType.AMOUNT:
        metadata["unit"] = "øre"
    return pa.field(column.name, _ARROW[column.type], nullable=column.optional, metadata=metadata)
