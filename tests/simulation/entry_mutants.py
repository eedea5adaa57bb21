"""Mutants of the entries that are stored outside their documents."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from services.runtime.processing.apply import Document
from services.runtime.processing.entries import EntryMap
from tests.runtime.memory import MemoryDatabase, MemoryStore
from tests.simulation.mutant import Mutant, replaced


async def _document_first(self: MemoryStore[Any], documents: Sequence[Document[Any]]) -> bool:
    await self._faults.point("write.before")
    written = [self._database.put(document) for document in documents]
    await self._faults.point("write.between")
    for document in documents:
        self._database.move_out(document)
    await self._faults.point("write.after")
    return all(written)


MUTANTS: Final = (
    Mutant(
        "entries after their document",
        "entries move out after the write of the document that no longer has them",
        replaced(MemoryStore, "write", _document_first),
    ),
    Mutant(
        "entries dropped",
        "entries do not move out",
        replaced(MemoryDatabase, "put_entry", lambda *_: None),
        first=1,
    ),
    Mutant(
        "entries taken for missing",
        "an entry that is not loaded counts as none",
        replaced(EntryMap, "is_known", lambda *_: True),
        first=1,
    ),
)
