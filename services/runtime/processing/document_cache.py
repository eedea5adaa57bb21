"""Documents that this instance wrote last, so that it need not load them again.

Only the owner of a partition writes the documents of its messages, so what it wrote is what is stored, until the
partition is revoked. The version guards every write: an entry that is out of date is refused, and dropped.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from typing import Generic

from services.runtime.processing.apply import Document
from services.runtime.processing.decision import S


class DocumentCache(Generic[S]):
    """At most ``most`` documents of one processor; those that were not used for longest are dropped.

    A batch takes its documents out, and returns them only after they were written and their events published. After an
    error, a refused write or a crash they are gone from the cache, and the next batch loads them.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._documents: OrderedDict[str, Document[S]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._documents)

    def take(self, ids: Iterable[str]) -> list[Document[S]]:
        """Remove and return the documents of ``ids`` that are cached."""
        found = (self._documents.pop(document_id, None) for document_id in ids)
        return [document for document in found if document is not None]

    def put(self, documents: Iterable[Document[S]]) -> None:
        """Add documents that were written, and all of whose events were published."""
        if not self._most:
            return
        for document in documents:
            document.version += 1
            document.changed = False
            document.outbox = []
            self._documents[document.id] = document
        while len(self._documents) > self._most:
            self._documents.popitem(last=False)

    def clear(self) -> None:
        """Drop all documents: another instance may write them from now on."""
        self._documents.clear()
