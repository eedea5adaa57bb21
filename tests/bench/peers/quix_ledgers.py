"""The ledgers in Quix Streams: ``python -m tests.bench.peers.quix_ledgers``.

State in RocksDB, backed by a changelog topic (both are the library's default for stateful operations). Settings, and
where the advice comes from (the docstring of ``quixstreams.Application`` and the "Configuration", "Stateful processing"
and "Checkpointing" pages of its documentation, 3.28):

- ``processing_guarantee``: what BENCH_GUARANTEE says, "exactly-once" (a Kafka transaction for each checkpoint) by
  default;
- ``commit_interval`` 1 s (default 5): outputs of a transaction are read only at its end, and less is repeated after a
  crash; 5 s was not faster. State, changelog and offsets are written at a checkpoint; until then a card's year that
  changes twice is in memory;
- the producer waits 20 ms to fill batches of up to 1 MB (librdkafka's "Performance tuning"); RocksDB's options,
  ``max_partition_buffer_size`` and librdkafka's queues stay at their defaults, which hold whole fetches;
- one fixed ``transactional.id``, so that a restart ends what a crash left open; the library draws a new one at every
  start, and readers of the sink would then wait until the transaction times out (60 s).
"""

from __future__ import annotations

from typing import Any, Literal, cast

from pydantic import SecretStr
from quixstreams import Application, State
from quixstreams.kafka import ConnectionConfig

from tests.bench.peers.rule import counts, decide, headers_of
from tests.bench.peers.settings import MECHANISM, Settings

Numbered = tuple[int, str, dict[str, Any]]
"""An output event: its number among those of its cause, its type and its body."""


def _enter(event: dict[str, Any], _key: Any, _timestamp: int, _headers: Any, state: State) -> list[Numbered]:
    # The state is scoped to the record's key, the card.
    year = str(event["year"])
    after, emitted = decide(state.get(year), event)
    state.set(year, after)
    return [(number, kind, body) for number, (kind, body) in enumerate(emitted)]


def main() -> None:
    """Run until SIGTERM."""
    settings = Settings.from_environment()
    transaction = {"transactional.id": settings.group} if settings.guarantee == "exactly-once" else {}
    app = Application(
        broker_address=ConnectionConfig(
            bootstrap_servers=settings.bootstrap,
            security_protocol=settings.protocol,
            sasl_mechanism=MECHANISM if settings.user else None,
            sasl_username=settings.user,
            sasl_password=SecretStr(settings.password) if settings.user else None,
            ssl_ca_location=settings.ca_file,
        ),
        consumer_group=settings.group,
        auto_offset_reset="earliest",
        state_dir=settings.state,
        processing_guarantee=cast(Literal["exactly-once", "at-least-once"], settings.guarantee),
        commit_interval=1.0,
        loglevel="WARNING",
        consumer_extra_config={"session.timeout.ms": 6000, "heartbeat.interval.ms": 2000},
        producer_extra_config={"linger.ms": 20, "batch.size": 1024 * 1024, **transaction},
    )
    events = app.dataframe(app.topic(settings.source, key_deserializer="bytes", value_deserializer="json"))
    events = events.filter(lambda _value, _key, _timestamp, headers: counts(headers), metadata=True)
    outputs = events.apply(_enter, stateful=True, metadata=True, expand=True)
    outputs = outputs.set_headers(lambda output, _key, _time, headers: headers_of(headers, output[1], output[0]))
    outputs = outputs.apply(lambda output: output[2])
    outputs.to_topic(app.topic(settings.sink, key_serializer="bytes", value_serializer="json"))
    app.run()


if __name__ == "__main__":
    main()
