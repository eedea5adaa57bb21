"""A map in a state that may grow without limit: its first entries are in the document, each other one is a document.

A document has a limited size and is read and written whole, so what grows with the number of reports is kept in an
``EntryMap``. A message needs few of the entries, and costs the same however many there are. See
``docs/decisions/0032-entries-outside-documents.md``.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, Final

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

MOST_INSIDE: Final = 32
"""The entries of a map that are stored in the document itself."""

# Shared by all maps without entries, of which a cache has thousands. No code adds to it.
_NONE: Final[Mapping[str, Any]] = {}


class EntriesNotLoaded(LookupError):
    """A rule needs entries that are not loaded: those of ``keys``, or all. The batch is applied again with them.

    ``document`` is the id of the document, once it is known.
    """

    def __init__(self, name: str, keys: Collection[str] | None) -> None:
        super().__init__(name)
        self.name = name
        self.keys = keys
        self.document = ""


class EntryMap:
    """An immutable map from keys to JSON values, in the order in which the keys were added.

    ``name`` is unique in its document. ``inside`` are the first entries. The document also has ``recent``: the other
    entries that its last write changed. They move out before its next write. ``outside`` is the number of entries that
    are not inside. Of these, only some are known: recent and loaded ones, and those ``changed`` since.
    """

    __slots__ = ("_is_complete", "_loaded", "changed", "inside", "name", "outside", "recent")

    def __init__(
        self,
        name: str,
        inside: Mapping[str, Any] | None = None,
        outside: int = 0,
        recent: Mapping[str, Any] | None = None,
    ) -> None:
        self.name = name
        self.inside: Mapping[str, Any] = inside or _NONE
        self.outside = outside
        self.recent: Mapping[str, Any] = recent or _NONE
        self.changed: Mapping[str, Any] = _NONE
        self._loaded: Mapping[str, Any] = self.recent
        self._is_complete = outside == len(self.recent)

    def __eq__(self, other: object) -> bool:
        """Whether both have the same entries inside, and know the same others."""
        if not isinstance(other, EntryMap):
            return NotImplemented
        mine, theirs = dict(self._not_inside()), dict(other._not_inside())
        return (self.name, self.inside, self.outside, mine) == (other.name, other.inside, other.outside, theirs)

    __hash__ = None  # type: ignore[assignment]

    def __len__(self) -> int:
        return len(self.inside) + self.outside

    def __contains__(self, key: str) -> bool:
        return self.get(key) is not None

    def get(self, key: str) -> Any:
        """The value of ``key``, or None. Raises ``EntriesNotLoaded``."""
        if not self.outside:
            return self.inside.get(key)
        for entries in (self.inside, self.changed, self._loaded):
            if (value := entries.get(key)) is not None:
                return value
        if self.is_known(key):
            return None
        raise EntriesNotLoaded(self.name, (key,))

    def items(self) -> Iterator[tuple[str, Any]]:
        """All entries: those inside first. Raises ``EntriesNotLoaded``."""
        if not self._is_complete:
            raise EntriesNotLoaded(self.name, None)
        yield from self.inside.items()
        yield from self._not_inside()

    def outside_items(self) -> Iterator[tuple[str, Any]]:
        """The entries that are not inside. Raises ``EntriesNotLoaded``."""
        if not self._is_complete:
            raise EntriesNotLoaded(self.name, None)
        return self._not_inside()

    def arranged_as(self, other: EntryMap) -> EntryMap:
        """All entries of this map, those that ``other`` has too in the same place: inside, or outside.

        ``EntriesNotLoaded`` is raised unless all entries of both are known. The result has no recent entries.
        """
        entries, elsewhere = dict(self.items()), {key for key, _ in other.outside_items()}
        inside = {key: entries[key] for key in other.inside if key in entries}
        for key, value in entries.items():
            if key not in inside and key not in elsewhere and len(inside) < MOST_INSIDE:
                inside[key] = value
        outside = {key: value for key, value in entries.items() if key not in inside}
        after = EntryMap(self.name, inside, len(outside))
        after._loaded, after._is_complete = outside, True
        return after

    def _not_inside(self) -> Iterator[tuple[str, Any]]:
        """The known entries that are not inside."""
        known = {**self._loaded, **self.changed}
        return ((key, value) for key, value in known.items() if value is not None)

    def with_entries(self, entries: Mapping[str, Any], *, most_inside: int | None = None) -> EntryMap:
        """The map with these entries added or replaced. No value may be None. Raises ``EntriesNotLoaded``."""
        most = MOST_INSIDE if most_inside is None else most_inside
        inside, changed, outside = dict(self.inside), dict(self.changed), self.outside
        for key, value in entries.items():
            is_new = key not in changed and self.get(key) is None
            if key in inside or (is_new and len(inside) < most):
                inside[key] = value
            else:
                changed[key] = value
                outside += is_new
        after = EntryMap(self.name, inside, outside, self.recent)
        after.changed, after._loaded, after._is_complete = changed, self._loaded, self._is_complete
        return after

    def is_known(self, key: str) -> bool:
        """Whether ``get`` can answer for this key."""
        return self._is_complete or key in self.inside or key in self.changed or key in self._loaded

    def add_loaded(self, entries: Mapping[str, Any], asked: Iterable[str] | None) -> None:
        """Add what is stored of the keys ``asked`` for, or of all. A key without an entry has none."""
        self._loaded = {**{key: entries.get(key) for key in (entries if asked is None else asked)}, **self._loaded}
        self._is_complete = self._is_complete or asked is None

    def set_written(self) -> None:
        """The document was written: keep of the map what the document has."""
        self.recent, self.changed = self.changed, _NONE
        self._loaded = self.recent
        self._is_complete = self.outside == len(self.recent)

    def to_stored(self) -> dict[str, Any]:
        """What the next write of the document stores of the map, after ``recent`` has moved out."""
        stored: dict[str, Any] = {"name": self.name, "inside": dict(self.inside)}
        return {**stored, "outside": self.outside, "recent": dict(self.changed)} if self.outside else stored

    @classmethod
    def from_stored(cls, stored: Mapping[str, Any]) -> EntryMap:
        """The map of its stored form."""
        return cls(stored["name"], stored["inside"], stored.get("outside", 0), stored.get("recent"))

    @classmethod
    def __get_pydantic_core_schema__(cls, _source: Any, _handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(
            lambda value: value if isinstance(value, cls) else cls.from_stored(value),
            serialization=core_schema.plain_serializer_function_ser_schema(cls.to_stored),
        )
