"""What grows without limit is stored outside the document, and changes with it or not at all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from typing import Any, Final

import pytest
from frikort_contracts.cloudevents import Envelope, Record, encode
from frikort_contracts.issuance import DeactivateCard
from frikort_contracts.outcomes import CommandAccepted
from frikort_contracts.topics import ISSUANCE_COMMANDS, OUTCOMES
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field
from pydantic_core import from_json, to_json

from services.runtime.processing import entries as entries_module
from services.runtime.processing.apply import Document, Documents
from services.runtime.processing.decision import Address, Decision, Processor
from services.runtime.processing.entries import EntriesNotLoaded, EntryMap
from services.runtime.processing.entry_loading import MapAddress, Needed, StoredEntries, add_loaded
from services.runtime.processing.positions import Partition
from tests.contracts.examples import envelope
from tests.runtime.memory import Crash, Faults, Instance, MemoryDatabase, MemoryKafka, by_id

HERE: Final = Partition(ISSUANCE_COMMANDS.name, 0)
ALL: Final = "all"


class Counts(BaseModel):
    """How often each key was named; ``all`` asks for the sum."""

    card_id: str
    counts: EntryMap = Field(default_factory=lambda: EntryMap("counts"))


def decide(state: Counts | None, message: Envelope[DeactivateCard], _: Collection[str] = ()) -> Decision[Counts]:
    state, key = state or Counts(card_id=message.data.card_id), message.data.case_reference or ""
    if key == ALL:
        count = sum(value for _, value in state.counts.items())
    else:
        count = (state.counts.get(key) or 0) + 1
        state = Counts(card_id=state.card_id, counts=state.counts.with_entries({key: count}))
    return Decision(state, (CommandAccepted(command_id=str(message.id), revision=count + 1),))


def declared(_: Counts, message: Envelope[DeactivateCard]) -> Mapping[str, Collection[str]]:
    return {"counts": (message.data.case_reference or "",)}


COUNTS: Final = Processor(
    name="counts",
    topics=(ISSUANCE_COMMANDS,),
    state=Counts,
    address=lambda message: Address(message.data.card_id),
    decide=decide,
    entry_maps=lambda state: (state.counts,),
    entry_keys=declared,
)


@pytest.fixture(autouse=True)
def few_inside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(entries_module, "MOST_INSIDE", 2)


def named(number: int, key: str) -> Record:
    data = DeactivateCard(card_id="a", municipality="849", actor="a", case_reference=key)
    return encode(envelope(data, f"command {number}"))


def kafka_with(keys: str | list[str]) -> tuple[MemoryKafka, MemoryDatabase[Counts]]:
    kafka = MemoryKafka()
    for number, key in enumerate(keys):
        kafka.append(named(number, key), partition=0)
    return kafka, MemoryDatabase(COUNTS)


def assert_counted(kafka: MemoryKafka, database: MemoryDatabase[Counts], keys: str) -> None:
    """Every message counted once, and its event says so."""
    state = database.read_whole("a").state
    assert state is not None
    assert dict(state.counts.items()) == Counter(keys)
    assert len(database.read("a").applied) == len(keys)
    published = by_id(kafka.all(OUTCOMES.name))
    assert all(len(contents) == 1 for contents in published.values())
    revisions = [from_json(value)["revision"] for contents in published.values() for _, value, _ in contents]
    assert sorted(revisions) == sorted(keys[: end + 1].count(key) + 1 for end, key in enumerate(keys))


LETTERS: Final = "abcabcddeaefgag"


def test_the_first_entries_are_inside_the_document_and_the_others_outside() -> None:
    entries = EntryMap("letters").with_entries({"a": 1, "b": 2, "c": 3})

    assert entries.to_stored() == {"name": "letters", "inside": {"a": 1, "b": 2}, "outside": 1, "recent": {"c": 3}}


def test_an_entry_stays_in_the_document_until_its_next_write() -> None:
    entries = EntryMap("letters").with_entries({"a": 1, "b": 2, "c": 3})
    entries.set_written()
    assert (entries.get("c"), entries.recent, entries.changed) == (3, {"c": 3}, {})

    after = entries.with_entries({"d": 4})
    assert after.recent == {"c": 3}
    assert after.to_stored()["recent"] == {"d": 4}


def test_an_entry_outside_that_is_not_loaded_is_not_taken_for_missing() -> None:
    entries = EntryMap("letters", {"a": 1, "b": 2}, outside=1)

    for ask in (lambda: entries.get("c"), lambda: entries.get("d"), lambda: entries.with_entries({"d": 4})):
        with pytest.raises(EntriesNotLoaded):
            ask()
    entries.add_loaded({}, ["d"])
    assert len(entries.with_entries({"d": 4})) == 4


def test_all_entries_are_not_known_from_some() -> None:
    entries = EntryMap("letters", {"a": 1, "b": 2}, outside=2)
    entries.add_loaded({"c": 3}, ["c"])
    with pytest.raises(EntriesNotLoaded):
        list(entries.items())

    entries.add_loaded({"c": 3, "d": 4}, None)
    assert dict(entries.items()) == {"a": 1, "b": 2, "c": 3, "d": 4}


def test_what_is_loaded_does_not_replace_what_was_changed() -> None:
    entries = EntryMap("letters", {"a": 1, "b": 2}, outside=1)
    entries.add_loaded({"c": 3}, ["c"])
    changed = entries.with_entries({"c": 4})
    changed.add_loaded({"c": 3}, None)

    assert changed.get("c") == 4
    assert (entries.get("c"), entries.changed) == (3, {})


@given(st.lists(st.dictionaries(st.sampled_from("abcdefg"), st.integers()), max_size=8))
def test_a_map_that_is_stored_after_each_change_equals_a_dictionary(changes: list[dict[str, int]]) -> None:
    entries, outside, expected = EntryMap("letters"), dict[str, Any](), dict[str, int]()
    for change in changes:
        entries.add_loaded({key: outside[key] for key in change.keys() & outside.keys()}, change)
        entries = entries.with_entries(change)
        expected |= change
        outside |= entries.recent
        entries = EntryMap.from_stored(from_json(to_json(entries.to_stored())))
        assert len(entries) == len(expected)
    entries.add_loaded(outside, None)
    assert dict(entries.items()) == expected


@pytest.mark.parametrize("cached", [0, 10])
@pytest.mark.parametrize("size", [1, 4, 100])
async def test_every_message_counts_once(size: int, cached: int) -> None:
    kafka, database = kafka_with(LETTERS)
    await Instance(kafka, database, Faults(), cached=cached).drain([HERE.topic], most=size)

    assert_counted(kafka, database, LETTERS)
    applied = database.read("a").applied
    assert len(database.entries.get(MapAddress("a", "applied"), ())) + len(applied.recent) == len(LETTERS) - 2


@pytest.mark.parametrize("crash", range(40))
async def test_a_crash_at_any_point_changes_nothing(crash: int) -> None:
    kafka, database = kafka_with(LETTERS)
    faults = Faults()
    faults.crash_in(crash)
    try:
        await Instance(kafka, database, faults, cached=crash % 2 * 10).drain([HERE.topic], most=4)
    except Crash:
        await Instance(kafka, database, faults).drain([HERE.topic], most=4)

    assert_counted(kafka, database, LETTERS)


@pytest.mark.parametrize("point", ["load.before", "load.after", "write.before", "publish.before"])
async def test_two_instances_that_process_the_same_messages_count_each_once(point: str) -> None:
    """A zombie wakes up at any point and finds that another instance has been there."""
    kafka, database = kafka_with(LETTERS)
    await Instance(kafka, database, Faults()).process_next([(HERE, 5)])
    faults = Faults()
    zombie = Instance(kafka, database, faults)

    async def other() -> None:
        await Instance(kafka, database, Faults()).drain([HERE.topic], most=4)

    faults.do_at(point, other)
    zombie.fenced = True
    await zombie.process_next([(HERE, 6)])

    assert_counted(kafka, database, LETTERS)


async def test_entries_that_are_newer_than_their_document_are_not_used_with_it() -> None:
    """The other instance writes between the read of the document and that of its entries."""
    kafka, database = kafka_with("abcdc")
    for size in (3, 1):
        await Instance(kafka, database, Faults()).process_next([(HERE, size)])
    reads = 0

    class Watched(Faults):
        async def point(self, name: str) -> None:
            nonlocal reads
            reads += name == "load.after"
            if name == "load.after" and reads == 1:
                await Instance(kafka, database, Faults()).drain([HERE.topic])
            await super().point(name)

    await Instance(kafka, database, Watched()).process_next([(HERE, 1)])

    assert reads == 3, "the document was not loaded again"
    assert_counted(kafka, database, "abcdc")


@pytest.mark.parametrize(
    ("document", "newest", "are_used"), [(4, 4, True), (4, 3, True), (5, 3, False), (3, 3, False), (4, 5, False)]
)
def test_entries_of_another_version_of_the_document_are_not_used(document: int, newest: int, are_used: bool) -> None:
    state = Counts(card_id="a", counts=EntryMap("counts", {"a": 1}, outside=1))
    documents = Documents([Document("a", version=4, state=state)])
    needed: Needed = {MapAddress("a", "counts"): {"c"}}
    found = {MapAddress("a", "counts"): StoredEntries(document, newest, {"c": 3})}

    assert add_loaded(COUNTS, documents, needed, found) == are_used
    assert state.counts.is_known("c") == are_used


async def test_entries_that_a_rule_needs_unannounced_are_loaded_for_a_second_attempt() -> None:
    kafka, database = kafka_with([*LETTERS, ALL])
    instance = Instance(kafka, database, Faults())
    await instance.process_next([(HERE, len(LETTERS))])
    await instance.process_next([(HERE, 1)])

    revisions = [from_json(record.value or b"")["revision"] for record in kafka.all(OUTCOMES.name)]
    assert max(revisions) == len(LETTERS) + 1


async def test_entries_that_move_out_late_do_not_replace_newer_ones() -> None:
    """A zombie moves entries out that others have moved and changed since."""
    kafka, database = kafka_with("abcd" + "c" * 3)
    instance = Instance(kafka, database, Faults())
    await instance.process_next([(HERE, 3)])
    stale = database.read("a")
    for _ in range(4):
        await instance.process_next([(HERE, 1)])
    before = {address: dict(stored) for address, stored in database.entries.items()}
    database.move_out(stale)

    assert database.entries == before
    assert_counted(kafka, database, "abcdccc")


def whole(inside: Mapping[str, Any], outside: Mapping[str, Any]) -> EntryMap:
    """A map all of whose entries are known."""
    entries = EntryMap("counts", inside, len(outside))
    entries.add_loaded(outside, None)
    return entries


@given(
    st.dictionaries(st.text("abcdefgh", min_size=1, max_size=2), st.integers(0, 3), max_size=50),
    st.dictionaries(st.text("abcdefgh", min_size=1, max_size=2), st.integers(0, 3), max_size=50),
    st.data(),
)
def test_entries_that_replace_others_stay_where_those_are_stored(
    right: dict[str, int], stored: dict[str, int], data: st.DataObject
) -> None:
    most = min(len(stored), entries_module.MOST_INSIDE)
    inside = dict(list(stored.items())[: data.draw(st.integers(0, most))])
    outside = {key: value for key, value in stored.items() if key not in inside}
    arranged = EntryMap("counts").with_entries(right).arranged_as(whole(inside, outside))

    assert dict(arranged.items()) == right
    assert arranged.inside.keys() & outside.keys() == set()
    assert dict(arranged.outside_items()).keys() & inside.keys() == set()
    assert len(arranged.inside) <= entries_module.MOST_INSIDE
    assert arranged.to_stored().get("recent", {}) == {}
    assert arranged.outside == len(right) - len(arranged.inside)
