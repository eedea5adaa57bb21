"""CloudEvents encoding: our decoder and the CloudEvents SDK read what we write; errors contain no content."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from cloudevents.core.bindings.kafka import KafkaMessage, from_binary_event
from frikort_contracts.cloudevents import BrokenContract, Record, decode, encode
from frikort_contracts.messages import CardKeyedEvent, Command, Message
from frikort_contracts.outcomes import CommandRefused, Problem
from frikort_contracts.reporting import ReportEarnings
from frikort_contracts.topics import CARDS, MESSAGE_TYPES, REPORTING_COMMANDS, source_of, topic_of
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.contracts.examples import EXAMPLES, NOON, envelope

BY_TYPE = {type(example): example for example in EXAMPLES}
REPORT = BY_TYPE[ReportEarnings]
SECRET = "0101901234"  # stands for any personal data in a broken record

every_message = pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: str(example.type))


@every_message
def test_a_message_is_read_back_as_it_was_written(example: Message) -> None:
    sent = envelope(example, causation_id=envelope(example, "cause").id, traceparent="00-aa-bb-01")
    record = encode(sent)
    assert decode(topic_of(type(example)), record.value, record.headers) == sent


@every_message
def test_the_cloudevents_sdk_reads_what_we_write(example: Message) -> None:
    sent = envelope(example, causation_id=envelope(example, "cause").id)
    record = encode(sent)
    event = from_binary_event(KafkaMessage(headers=dict(record.headers), key=record.key, value=record.value))
    assert event.get_specversion() == "1.0"
    assert event.get_id() == str(sent.id)
    assert event.get_type() == example.type
    assert event.get_source() == sent.source
    assert event.get_time() == sent.time
    assert event.get_subject() == example.key == record.key.decode()
    assert event.get_datacontenttype() == "application/json"
    assert event.get_extension("correlationid") == str(sent.correlation_id)
    assert event.get_extension("causationid") == str(sent.causation_id)
    assert event.get_data() == json.loads(record.value)


def test_an_event_without_a_topic_fails_when_it_is_serialized() -> None:
    class WithoutTopic(CardKeyedEvent):
        type = "dk.frikort.without-topic.v1"

    with pytest.raises(KeyError):
        encode(envelope(WithoutTopic(card_id="c")))


@settings(max_examples=60)
@given(
    st.sampled_from(Problem),
    st.dictionaries(st.text(max_size=12), st.integers(-(2**60), 2**60) | st.text(max_size=20), max_size=4),
    st.datetimes(min_value=datetime(2019, 1, 1), max_value=datetime(2100, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
)
def test_any_refusal_is_read_back_as_it_was_written(problem: Problem, detail: dict[str, Any], time: datetime) -> None:
    sent = envelope(CommandRefused(command_id="c", problem=problem, detail=detail), time=time)
    record = encode(sent)
    assert decode(topic_of(CommandRefused), record.value, record.headers) == sent


def test_time_is_written_in_utc() -> None:
    here = envelope(REPORT, time=NOON.astimezone(timezone(timedelta(hours=2))))
    assert dict(encode(here).headers)["ce_time"] == b"2025-06-02T12:00:00Z"


def test_a_message_without_a_correlation_id_is_its_own_correlation() -> None:
    record = encode(envelope(REPORT))
    headers = [(name, value) for name, value in record.headers if name != "ce_correlationid"]
    read = decode(REPORTING_COMMANDS, record.value, headers)
    assert read.correlation_id == read.id


def test_an_event_with_an_unknown_field_is_read_and_a_command_with_one_is_not() -> None:
    for example in EXAMPLES:
        record = encode(envelope(example))
        value = json.dumps({**json.loads(record.value), "newer": 1}).encode()
        topic = topic_of(type(example))
        if isinstance(example, Command):
            with pytest.raises(BrokenContract, match="extra_forbidden"):
                decode(topic, value, record.headers)
        else:
            assert decode(topic, value, record.headers).data == example


def _body(**changes: Any) -> Callable[[Record], Record]:
    def change(record: Record) -> Record:
        return record._replace(value=json.dumps({**json.loads(record.value), **changes}).encode())

    return change


def _value(value: bytes) -> Callable[[Record], Record]:
    return lambda record: record._replace(value=value)


def _header(name: str, value: bytes | None) -> Callable[[Record], Record]:
    def change(record: Record) -> Record:
        headers = [(key, raw) for key, raw in record.headers if key != name]
        return record._replace(headers=tuple(headers if value is None else [*headers, (name, value)]))

    return change


WAGES: dict[str, Any] = {"wage": 1, "holiday_pay": 0, "atp": 0, "pension": 0}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        pytest.param(
            _value(b"not json " + SECRET.encode()), "the body breaks its contract: body: json_invalid", id="no JSON"
        ),
        pytest.param(_value(b"\xff\xfe"), "the body breaks its contract: body: json_invalid", id="no UTF-8"),
        pytest.param(_value(b""), "the body breaks its contract: body: json_invalid", id="empty"),
        pytest.param(_value(b"[1]"), "the body breaks its contract: body: model_type", id="no object"),
        pytest.param(_body(cvr=SECRET), "the body breaks its contract: cvr: value_error", id="no CVR number"),
        pytest.param(
            _body(reference=SECRET), "the body breaks its contract: reference: value_error", id="CPR in reference"
        ),
        pytest.param(
            _body(components={**WAGES, "wage": 1.0}),
            "the body breaks its contract: components.wage: int_type",
            id="float øre",
        ),
        pytest.param(
            _body(components={**WAGES, "wage": "1"}),
            "the body breaks its contract: components.wage: int_type",
            id="øre as text",
        ),
        pytest.param(
            _body(components={**WAGES, "wage": -1}),
            "the body breaks its contract: components.wage: greater_than_equal",
            id="negative øre",
        ),
        pytest.param(
            _body(**{SECRET: 1}), "the body breaks its contract: (unknown): extra_forbidden", id="unknown field"
        ),
        pytest.param(
            _body(components={**WAGES, SECRET: 1}),
            "the body breaks its contract: components.(unknown): extra_forbidden",
            id="unknown field inside",
        ),
        pytest.param(
            _body(payment_date="30-05-2025"),
            "the body breaks its contract: payment_date: date_parsing",
            id="no date",
        ),
        pytest.param(
            _header("ce_type", b"dk.frikort.unknown." + SECRET.encode()),
            "the type in ce_type does not belong on this topic",
            id="unknown type",
        ),
        pytest.param(
            _header("ce_type", b"dk.frikort.card.issued.v1"),
            "the type in ce_type does not belong on this topic",
            id="a type of another topic",
        ),
        *(
            pytest.param(_header(name, None), f"the header {name} is missing", id=f"no {name}")
            for name in ("ce_id", "ce_type", "ce_time", "ce_source")
        ),
        pytest.param(_header("ce_source", b"\xff" + SECRET.encode()), "a header is not UTF-8", id="header no UTF-8"),
        *(
            pytest.param(
                _header("ce_source", source), "the source in ce_source may not write to this topic", id=source.decode()
            )
            for source in (b"/frikort/issuance", b"/frikort/gateway/", b"/frikort/" + SECRET.encode())
        ),
        pytest.param(_header("ce_time", b"2025-06-02T12:00:00"), "ce_time has no zone", id="naive time"),
        *(
            pytest.param(
                _header(name, SECRET.encode()),
                "a CloudEvents header cannot be read (ce_id, ce_time or an id)",
                id=f"bad {name}",
            )
            for name in ("ce_id", "ce_time", "ce_correlationid", "ce_causationid")
        ),
    ],
)
def test_a_broken_record_is_refused_with_a_reason_that_contains_none_of_its_content(
    change: Callable[[Record], Record], reason: str
) -> None:
    record = change(encode(envelope(REPORT)))
    with pytest.raises(BrokenContract) as refused:
        decode(REPORTING_COMMANDS, record.value, record.headers)
    assert str(refused.value) == reason
    assert SECRET not in str(refused.value)


@pytest.mark.parametrize("writer", REPORTING_COMMANDS.writers)
def test_every_writer_of_a_topic_is_accepted_as_source(writer: str) -> None:
    record = encode(envelope(REPORT, source=source_of(writer)))
    assert decode(REPORTING_COMMANDS, record.value, record.headers).source == source_of(writer)


def test_a_null_value_is_refused() -> None:
    with pytest.raises(BrokenContract, match="json_invalid"):
        decode(REPORTING_COMMANDS, None, encode(envelope(REPORT)).headers)


def test_a_null_header_counts_as_missing() -> None:
    record = encode(envelope(REPORT))
    headers = [(name, None if name == "ce_id" else value) for name, value in record.headers]
    with pytest.raises(BrokenContract, match="the header ce_id is missing"):
        decode(REPORTING_COMMANDS, record.value, headers)


def test_a_message_on_the_wrong_topic_is_refused() -> None:
    record = encode(envelope(REPORT))
    with pytest.raises(BrokenContract, match="does not belong on this topic"):
        decode(CARDS, record.value, record.headers)


@settings(max_examples=150)
@given(
    st.sampled_from(EXAMPLES), st.binary(max_size=60), st.lists(st.tuples(st.text(max_size=8), st.binary(max_size=8)))
)
def test_arbitrary_bytes_are_refused_as_a_broken_contract(
    example: Message, value: bytes, more: list[tuple[str, bytes]]
) -> None:
    record = encode(envelope(example))
    with pytest.raises(BrokenContract):
        decode(topic_of(type(example)), value, [*record.headers, *more])


def test_every_type_has_one_topic() -> None:
    assert all(MESSAGE_TYPES[message.type] is message for message in BY_TYPE)
