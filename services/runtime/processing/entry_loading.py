"""Which entries outside their documents a batch needs, and whether those that were loaded belong to the documents."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from frikort_contracts.cloudevents import id_text

from services.runtime.processing.apply import APPLIED, Delivery, Document, Documents
from services.runtime.processing.decision import Processor, S
from services.runtime.processing.entries import EntriesNotLoaded, EntryMap


class MapAddress(NamedTuple):
    """An ``EntryMap`` of a document: the document's id and the name of the map."""

    document: str
    name: str


class StoredEntries(NamedTuple):
    """Entries of one map as they are stored.

    ``document`` is the version of the document shortly before, ``newest`` the newest version with which one of the
    entries was written.
    """

    document: int
    newest: int
    values: Mapping[str, Any]


Needed = dict[MapAddress, set[str] | None]
"""The keys of each map; None for all."""


def needed_entries(
    processor: Processor[S], documents: Documents[S], deliveries: Sequence[Delivery], asked: Needed
) -> Needed:
    """The entries outside ``documents`` that ``deliveries`` need, and those that a rule has ``asked`` for."""
    maps: dict[MapAddress, EntryMap] = {}
    for document in documents:
        for each in document.entry_maps(processor):
            if each.outside:
                maps[MapAddress(document.id, each.name)] = each
    if not maps:
        return {}
    needed = Needed()
    for address, keys in (*_of_messages(processor, documents, deliveries), *asked.items()):
        if (found := maps.get(address)) is None:
            continue
        if keys is None:
            needed[address] = None
        elif unknown := [key for key in keys if not found.is_known(key)]:
            earlier = needed.setdefault(address, set())
            if earlier is not None:
                earlier.update(unknown)
    return needed


def all_entries(processor: Processor[S], documents: Documents[S]) -> Needed:
    """All entries outside ``documents``."""
    maps = ((document.id, each) for document in documents for each in document.entry_maps(processor))
    return {MapAddress(document_id, each.name): None for document_id, each in maps if each.outside}


def _of_messages(
    processor: Processor[S], documents: Documents[S], deliveries: Sequence[Delivery]
) -> Iterable[tuple[MapAddress, Collection[str] | None]]:
    for _, envelope, address in deliveries:
        for document in documents.candidates(address):
            yield MapAddress(document.id, APPLIED), (id_text(envelope.id),)
            if document.state is not None:
                for name, keys in processor.entry_keys(document.state, envelope).items():
                    yield MapAddress(document.id, name), keys


def add_asked(asked: Needed, missing: EntriesNotLoaded) -> None:
    """Add what a rule has asked for."""
    address = MapAddress(missing.document, missing.name)
    earlier = asked.get(address, set())
    asked[address] = None if missing.keys is None or earlier is None else earlier | set(missing.keys)


def add_loaded(
    processor: Processor[S], documents: Documents[S], needed: Needed, found: Mapping[MapAddress, StoredEntries]
) -> bool:
    """Add loaded entries to their documents. False if a document was written since it was loaded."""
    by_id: dict[str, Document[S]] = {document.id: document for document in documents}
    for address, keys in needed.items():
        document = by_id[address.document]
        version, newest, values = found[address]
        if version != document.version or newest > document.version:
            return False
        for each in document.entry_maps(processor):
            if each.name == address.name:
                each.add_loaded(values, keys)
    return True
