"""The stored forms of the applied ids and of the outbox keep their content and order."""

from __future__ import annotations

from uuid import UUID, uuid4

import bson
import pytest
from frikort_contracts.cloudevents import Record
from frikort_contracts.topics import MESSAGE_TYPES
from hypothesis import given
from hypothesis import strategies as st

from services.runtime.mongo.outbox_codec import AppliedIds, OutboxCodec
from services.runtime.processing.outbox import OutboxEntry, SerializedEvent

EVENTS = st.builds(
    SerializedEvent, type=st.sampled_from(sorted(MESSAGE_TYPES)), key=st.binary(max_size=3), value=st.binary()
)
ENTRIES = st.builds(
    OutboxEntry,
    emitter=st.sampled_from(["reporting/card_states", "balance/ledgers"]),
    cause_id=st.uuids(),
    time=st.just("2026-11-22T14:00:00.000001Z"),
    correlation_id=st.uuids(),
    traceparent=st.none() | st.just("00-aa-bb-01"),
    events=st.lists(EVENTS, min_size=1, max_size=4).map(tuple),
)


@given(ENTRIES)
def test_an_entry_yields_the_same_records_after_storing(entry: OutboxEntry) -> None:
    stored = OutboxCodec(OutboxCodec.pack(entry))
    assert list(stored) == list(entry)
    assert stored.cause_id == entry.cause_id


@given(ENTRIES)
def test_a_stored_entry_is_stored_again_unchanged(entry: OutboxEntry) -> None:
    packed = OutboxCodec.pack(entry)
    assert OutboxCodec.pack(OutboxCodec(packed)) == packed


def test_ids_and_headers_of_a_stored_entry_are_fixed() -> None:
    """A release that derived them differently would publish stored events under new ids."""
    stored = {
        "emitter": "reporting/card_states",
        "cause": UUID(int=1).bytes,
        "time": "2026-11-22T14:00:00Z",
        "correlation": UUID(int=2).bytes,
        "traceparent": "00-aa-bb-01",
        "key": b"card",
        "events": [
            ["dk.frikort.earnings.reported.v1", b'{"wage":1}'],
            ["dk.frikort.command.accepted.v1", b"{}", b"command"],
        ],
    }
    shared = (
        ("ce_source", b"/frikort/reporting"),
        ("ce_time", b"2026-11-22T14:00:00Z"),
        ("ce_correlationid", b"00000000-0000-0000-0000-000000000002"),
        ("content-type", b"application/json"),
        ("ce_causationid", b"00000000-0000-0000-0000-000000000001"),
        ("ce_traceparent", b"00-aa-bb-01"),
    )
    reported = (
        ("ce_specversion", b"1.0"),
        ("ce_id", b"26c2ae8b-2cc6-5ceb-8721-3e2a577feb3d"),
        ("ce_type", b"dk.frikort.earnings.reported.v1"),
        ("ce_subject", b"card"),
    )
    accepted = (
        ("ce_specversion", b"1.0"),
        ("ce_id", b"b6321f59-be7b-592b-b5d0-b730fb7f34d5"),
        ("ce_type", b"dk.frikort.command.accepted.v1"),
        ("ce_subject", b"command"),
    )
    assert list(OutboxCodec(bson.encode(stored))) == [
        Record("frikort.earnings.v1", b"card", b'{"wage":1}', reported + shared),
        Record("frikort.outcomes.v1", b"command", b"{}", accepted + shared),
    ]


def test_only_outbox_entries_can_be_stored() -> None:
    with pytest.raises(TypeError):
        OutboxCodec.pack([Record("t", b"k", b"v", ())])


@given(st.lists(st.uuids(), unique=True))
def test_an_id_is_contained_once_it_is_added(ids: list[UUID]) -> None:
    packed = AppliedIds()
    for message_id in ids:
        assert message_id not in packed
        packed.add(message_id)
        assert message_id in packed
    assert list(AppliedIds(AppliedIds.pack(packed))) == ids
    assert len(packed) == len(ids)


def test_bytes_that_span_two_ids_are_not_found_as_an_id() -> None:
    first, second = uuid4(), uuid4()
    packed = AppliedIds(first.bytes + second.bytes)
    assert UUID(bytes=first.bytes[8:] + second.bytes[:8]) not in packed
    assert second in packed
