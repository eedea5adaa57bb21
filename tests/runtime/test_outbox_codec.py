"""The stored forms of the applied ids and of the outbox keep their content and order."""

from __future__ import annotations

import bson
import pytest
from frikort_contracts.cloudevents import Record
from frikort_contracts.topics import MESSAGE_TYPES
from hypothesis import given
from hypothesis import strategies as st

from services.runtime.mongo.outbox_codec import pending_from, stored_pending
from services.runtime.processing.apply import PendingEvents
from services.runtime.processing.outbox import OutboxEntry, SerializedEvent

TEXTS = st.text(max_size=4).map(str.encode)
IDS = st.uuids().map(str)
EVENTS = st.builds(SerializedEvent, type=st.sampled_from(sorted(MESSAGE_TYPES)), key=TEXTS, value=TEXTS)
ENTRIES = st.builds(
    OutboxEntry,
    emitter=st.sampled_from(["reporting/card_states", "balance/ledgers"]),
    cause=IDS,
    time=st.just("2026-11-22T14:00:00.000001Z"),
    correlation=IDS,
    traceparent=st.none() | st.just("00-aa-bb-01"),
    events=st.lists(EVENTS, min_size=1, max_size=4).map(tuple),
)


def stored(entry: OutboxEntry) -> dict[str, object]:
    """The stored form after a round trip through BSON."""
    return dict(bson.decode(bson.encode(stored_pending(PendingEvents("topic", 1, 2, entry)))))


@given(ENTRIES)
def test_an_entry_yields_the_same_records_after_storing(entry: OutboxEntry) -> None:
    pending = pending_from(stored(entry))
    assert pending[:3] == ("topic", 1, 2)
    assert pending.entry.records() == entry.records()
    assert pending.entry.cause == entry.cause


@given(ENTRIES)
def test_a_stored_entry_is_stored_again_at_its_new_position(entry: OutboxEntry) -> None:
    again = stored_pending(pending_from(stored(entry))._replace(partition=4, offset=7))
    assert again == {**stored(entry), "partition": 4, "offset": 7}


def test_ids_and_headers_of_a_stored_entry_are_fixed() -> None:
    """A release that derived them differently would publish stored events under new ids."""
    entry = {
        "topic": "frikort.reporting.commands.v1",
        "partition": 1,
        "offset": 2,
        "emitter": "reporting/card_states",
        "cause": "00000000-0000-0000-0000-000000000001",
        "time": "2026-11-22T14:00:00Z",
        "correlation": "00000000-0000-0000-0000-000000000002",
        "traceparent": "00-aa-bb-01",
        "key": "card",
        "events": [
            {"type": "dk.frikort.earnings.reported.v1", "json": '{"wage":1}'},
            {"type": "dk.frikort.command.accepted.v1", "json": "{}", "key": "command"},
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
    assert pending_from(entry).entry.records() == [
        Record("frikort.earnings.v1", b"card", b'{"wage":1}', reported + shared),
        Record("frikort.outcomes.v1", b"command", b"{}", accepted + shared),
    ]


def test_only_outbox_entries_can_be_stored() -> None:
    records = [Record("t", b"k", b"v", ())]
    with pytest.raises(TypeError):
        stored_pending(PendingEvents("topic", 1, 2, records))  # type: ignore[arg-type]
