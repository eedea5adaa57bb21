"""What a document keeps packed is what was put in, in order, and what an earlier release stored can still be read."""

from __future__ import annotations

from uuid import UUID, uuid4

import bson
import pytest
from frikort_contracts.cloudevents import Record, Told, Written
from frikort_contracts.topics import MESSAGE_TYPES
from hypothesis import given
from hypothesis import strategies as st

from services.runtime.mongo.outbox_codec import AppliedIds, OutboxCodec

WRITTEN = st.builds(Written, type=st.sampled_from(sorted(MESSAGE_TYPES)), key=st.binary(max_size=3), value=st.binary())
TOLD = st.builds(
    Told,
    by=st.sampled_from(["reporting/books", "balance/ledgers"]),
    cause_id=st.uuids(),
    time=st.just("2026-11-22T14:00:00.000001Z"),
    correlation_id=st.uuids(),
    traceparent=st.none() | st.just("00-aa-bb-01"),
    events=st.lists(WRITTEN, min_size=1, max_size=4).map(tuple),
)
AS_BEFORE = [
    Record("t", b"k", b"v", (("own", b"1"), ("a", b"2"))),
    Record("u", b"k", b"w", (("own", b"3"), ("a", b"2"))),
]


@given(TOLD)
def test_records_come_out_as_they_went_in(told: Told) -> None:
    assert list(OutboxCodec(OutboxCodec.pack(told))) == list(told)


@given(TOLD)
def test_packed_records_stay_as_they_are(told: Told) -> None:
    packed = OutboxCodec.pack(told)
    assert OutboxCodec.pack(OutboxCodec(packed)) == packed


@pytest.mark.parametrize(
    "stored",
    [
        [["t", b"k", b"v", [["own", b"1"], ["a", b"2"]]], ["u", b"k", b"w", [["own", b"3"], ["a", b"2"]]]],
        bson.encode(
            {
                "headers": {"a": b"2"},
                "records": [["t", b"k", b"v", {"own": b"1"}], ["u", b"k", b"w", {"own": b"3"}]],
            }
        ),
    ],
    ids=["a list", "common headers once"],
)
def test_records_of_an_earlier_release_are_read_and_stored_as_they_were(stored: bytes | list[object]) -> None:
    assert list(OutboxCodec(stored)) == AS_BEFORE
    assert OutboxCodec.pack(OutboxCodec(stored)) == stored


def test_what_is_stored_now_is_told_alike_by_every_later_release() -> None:
    stored = {
        "by": "reporting/books",
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
        ("ce_id", b"78df3955-0a8e-5605-95b0-b00179f2849a"),
        ("ce_type", b"dk.frikort.earnings.reported.v1"),
        ("ce_subject", b"card"),
    )
    accepted = (
        ("ce_specversion", b"1.0"),
        ("ce_id", b"8b793421-35a2-57cc-923b-cdab61120ca1"),
        ("ce_type", b"dk.frikort.command.accepted.v1"),
        ("ce_subject", b"command"),
    )
    assert list(OutboxCodec(bson.encode(stored))) == [
        Record("frikort.earnings.v1", b"card", b'{"wage":1}', reported + shared),
        Record("frikort.outcomes.v1", b"command", b"{}", accepted + shared),
    ]


def test_records_that_follow_from_nothing_cannot_be_stored() -> None:
    with pytest.raises(TypeError):
        OutboxCodec.pack(AS_BEFORE)


@given(st.lists(st.uuids(), unique=True))
def test_ids_are_found_once_they_were_added(ids: list[UUID]) -> None:
    packed = AppliedIds()
    for message_id in ids:
        assert message_id not in packed
        packed.add(message_id)
        assert message_id in packed
    assert list(AppliedIds(AppliedIds.pack(packed))) == ids
    assert len(packed) == len(ids)


def test_an_id_is_not_found_across_two_others() -> None:
    first, second = uuid4(), uuid4()
    packed = AppliedIds(first.bytes + second.bytes)
    assert UUID(bytes=first.bytes[8:] + second.bytes[:8]) not in packed
    assert second in packed
