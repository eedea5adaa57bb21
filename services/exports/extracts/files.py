"""Writes the files of an extract: takes JSON objects, stores CSV, JSON Lines and Parquet, returns their digests.

All three are written together: an object is a line of JSON Lines, and becomes rows of Arrow columns, of which CSV and
Parquet are made. Memory does not grow with the number of rows: JSON Lines are written in pieces, rows in groups.
Amounts are integer øre; only the CSV shows kroner. It is made for a Danish Excel: BOM, semicolons, decimal commas. The
same objects give the same bytes with the same version of pyarrow.
"""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Callable, Sequence
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

from services.exports.extracts.columns import Rows, csv_header, csv_lines, schema_of
from services.exports.extracts.layouts import ColumnType, Layout
from services.exports.feeds import StatementFields
from services.runtime import csv_writer
from services.runtime.file_store import FileStore, FileWriter

PIECE_BYTES: Final = 1 * 1024 * 1024
"""JSON Lines that are collected before they and their rows are written: threads work best with few and long calls."""
_PIECES_AHEAD: Final = 2
"""Pieces of a file that wait to be stored while the next one is made."""
ROW_GROUP: Final = 10_000
"""Rows of a row group of Parquet: some megabytes."""
_BUFFER_BYTES: Final = 1024 * 1024
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

    def __init__(
        self,
        layout: Layout,
        store: FileStore,
        prefix: str,
        *,
        piece_bytes: int = PIECE_BYTES,
        row_group: int = ROW_GROUP,
    ) -> None:
        self.sums = Sums()
        self._layout = layout
        self._piece_bytes = piece_bytes
        self._rows = Rows(layout)
        self._json_lines: list[bytes] = []
        self._json_bytes = 0
        self._objects: list[Any] = []
        # Making the lines of CSV takes longer than anything else, so those of two pieces are made at once.
        self._csv_makers = ThreadPoolExecutor(_PIECES_AHEAD, "extract-csv")
        self._outputs = {
            file_format: _Output(file_format, store.create(f"{prefix}.{file_format.value}"))
            for file_format in FileFormat
        }
        self._csv = self._outputs[FileFormat.CSV]
        self._csv.run(partial(self._csv.store, (csv_writer.BOM + csv_header(layout)).encode()))
        self._json = self._outputs[FileFormat.JSON_LINES]
        self._parquet = _Parquet(layout, self._outputs[FileFormat.PARQUET], row_group)
        self._files: tuple[StoredFile, ...] | None = None

    def add(self, objects: Sequence[StatementFields]) -> None:
        """Write objects of the JSON Lines file, and their rows to the other files."""
        if not objects:
            return
        self.sums.add(objects)
        lines = b"\n".join([*map(to_json, objects), b""])
        self._json_lines.append(lines)
        self._json_bytes += len(lines)
        self._objects.append(self._rows.read(objects))
        if self._json_bytes >= self._piece_bytes:
            self._write()

    def finish(self) -> tuple[StoredFile, ...]:
        """Write what is left, and store the files durably."""
        if self._objects:
            self._write()
        self._parquet.finish()
        self._files = tuple(output.finish() for output in self._outputs.values())
        return self._files

    def close(self) -> None:
        """End the threads. Files that are not finished are deleted."""
        if self._files is None:
            for output in self._outputs.values():
                output.abandon()
            self._parquet.abandon()
        self._csv_makers.shutdown()

    def _write(self) -> None:
        """Write what was added since."""
        self._json.run(partial(self._json.store, *self._json_lines))
        rows = self._rows.of(pa.concat_arrays(self._objects))
        self._json_lines, self._json_bytes, self._objects = [], 0, []
        if rows.num_rows:
            lines = self._csv_makers.submit(csv_lines, self._layout, rows)
            self._csv.run(lambda: self._csv.store(lines.result()))
            self._parquet.add(rows)


class _Output:
    """One file. Its bytes are digested and stored in a thread of its own, while the next ones are made."""

    def __init__(self, file_format: FileFormat, writer: FileWriter) -> None:
        self._format = file_format
        self._writer = writer
        self._thread = ThreadPoolExecutor(1, f"extract-{file_format.value}")
        self._digest = sha256()
        self.size = 0
        self._work: deque[Future[None]] = deque()
        self._abandoned = False

    def run(self, work: Callable[[], None]) -> None:
        """Run ``work`` in the thread, after the work before. Raises what earlier work has raised."""
        self._wait(_PIECES_AHEAD - 1)
        self._work.append(self._thread.submit(work))

    def store(self, *pieces: bytes | memoryview) -> None:
        """Digest and store bytes. Called by ``work``. An abandoned file stores nothing."""
        for piece in pieces:
            if self._abandoned:
                return
            self._digest.update(piece)
            self.size += len(piece)
            self._writer.write(piece)

    def finish(self) -> StoredFile:
        self._wait(0)
        self._thread.shutdown()
        self._writer.finish()
        return StoredFile(format=self._format, name=self._writer.name, size=self.size, sha256=self._digest.hexdigest())

    def abandon(self) -> None:
        self._abandoned = True
        self._thread.shutdown(cancel_futures=True)
        self._writer.abandon()

    def _wait(self, left: int) -> None:
        """Wait until only ``left`` are to be done."""
        while len(self._work) > left:
            self._work.popleft().result()


class _Parquet:
    """A Parquet file in row groups of ``row_group`` rows, whatever the batches are."""

    def __init__(self, layout: Layout, output: _Output, row_group: int) -> None:
        self._output = output
        self._row_group = row_group
        self._batches: list[Any] = []
        self._pending = 0
        # Without the buffer, every page of every column is a call of Python.
        self._file = pa.BufferedOutputStream(pa.PythonFile(_Stored(output), mode="w"), _BUFFER_BYTES)
        self._writer = pq.ParquetWriter(
            self._file,
            schema_of(layout),
            compression="zstd",
            use_dictionary=[column.name for column in layout.columns if column.type in _REPEATED],
        )

    def add(self, rows: Any) -> None:
        self._batches.append(rows)
        self._pending += rows.num_rows
        if self._pending < self._row_group:
            return
        rows = pa.concat_batches(self._batches)
        while rows.num_rows >= self._row_group:
            self._output.run(partial(self._write, rows.slice(0, self._row_group)))
            rows = rows.slice(self._row_group)
        self._batches, self._pending = [rows], rows.num_rows

    def _write(self, rows: Any) -> None:
        self._writer.write_batch(rows)
        pa.default_memory_pool().release_unused()

    def finish(self) -> None:
        if self._pending:
            self._output.run(partial(self._writer.write_batch, pa.concat_batches(self._batches)))
        self._output.run(self._close)

    def abandon(self) -> None:
        """Close the writer, which would write the end of the file when it is collected."""
        with contextlib.suppress(Exception):
            self._close()

    def _close(self) -> None:
        self._writer.close()
        self._file.close()


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
