"""What a document keeps packed is what was put in, in order, and what an earlier release stored can still be read."""

from __future__ import annotations

from uuid import UUID, uuid4

from hypothesis import given
from hypothesis import strategies as st

from contracts.cloudevents import Record
from services.runtime.store import PackedIds, PackedRecords

HEADERS = st.lists(st.tuples(st.text("abc_", min_size=1), st.binary(max_size=5)), unique_by=lambda h: h[0]).map(tuple)
RECORDS = st.builds(Record, topic=st.sampled_from("tu"), key=st.binary(), value=st.binary(), headers=HEADERS)


@given(st.lists(RECORDS, min_size=1))
def test_records_come_out_as_they_went_in(records: list[Record]) -> None:
    assert list(PackedRecords(PackedRecords.pack(records))) == records


def test_records_of_an_earlier_release_are_read() -> None:
    assert list(PackedRecords([["t", b"k", b"v", [["h", b"1"]]]])) == [Record("t", b"k", b"v", (("h", b"1"),))]


@given(st.lists(st.uuids(), unique=True))
def test_ids_are_found_once_they_were_added(ids: list[UUID]) -> None:
    packed = PackedIds()
    for message_id in ids:
        assert message_id not in packed
        packed.add(message_id)
        assert message_id in packed
    assert list(PackedIds(PackedIds.pack(packed))) == ids
    assert len(packed) == len(ids)


def test_an_id_is_not_found_across_two_others() -> None:
    first, second = uuid4(), uuid4()
    packed = PackedIds(first.bytes + second.bytes)
    assert UUID(bytes=first.bytes[8:] + second.bytes[:8]) not in packed
    assert second in packed
