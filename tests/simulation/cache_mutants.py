"""Mutants of the cache of documents."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, Final

from services.runtime.processing.apply import AppliedBatch, Delivery, Document, Documents
from services.runtime.processing.batch_processor import BatchProcessor
from services.runtime.processing.document_cache import DocumentCache
from tests.simulation.mutant import Mutant, replaced

_take = DocumentCache.take


class _AnyVersion(int):
    """A version that equals every other, so that no guard refuses it."""

    __hash__ = int.__hash__

    def __eq__(self, _: object) -> bool:
        return True

    def __ne__(self, _: object) -> bool:
        return False


def _take_without_version(self: DocumentCache[Any], ids: Iterable[str]) -> list[Document[Any]]:
    return [replace(document, version=_AnyVersion(document.version)) for document in _take(self, ids)]


_apply = BatchProcessor._apply


async def _cached_unwritten(
    self: BatchProcessor[Any], documents: Documents[Any], given: Sequence[Delivery]
) -> AppliedBatch:
    applied = await _apply(self, documents, given)
    self._cache.put([replace(document) for document in documents.changed()])
    return applied


MUTANTS: Final = (
    Mutant(
        "unwritten documents cached",
        "a batch caches its documents before it has written them",
        replaced(BatchProcessor, "_apply", _cached_unwritten),
        first=1,
    ),
    Mutant(
        "stale documents written",
        "a cached document is written over whatever is stored",
        replaced(DocumentCache, "take", _take_without_version),
        within=120,
        first=3,
    ),
    Mutant(
        "cache kept over a revocation",
        "documents stay in the cache when their partitions are revoked",
        replaced(DocumentCache, "clear", lambda _: None),
    ),
)
