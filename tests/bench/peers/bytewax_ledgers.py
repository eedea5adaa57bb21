"""The ledgers in Bytewax: ``python -m tests.bench.peers.bytewax_ledgers``.

State is in memory and in snapshots: SQLite files in the recovery folder, written at the end of every epoch together
with the source's offsets. Settings, and where the advice comes from (docstrings of ``bytewax.connectors.kafka``,
``bytewax.operators.stateful_batch`` and the "Recovery" page of its documentation, 0.21):

- ``KafkaSource(batch_size=...)`` 1000, "a suitable starting point for higher throughput dataflows"; 250 and 5000 were
  slower here;
- ``stateful_batch`` with a logic of its own, not ``stateful_map``: one call for all of a key's events in a batch;
- an epoch of 1 s (the default is 10): less is repeated after a crash, and the snapshots fall inside the measured
  time, like every other contestant's commits;
- the sink's producer is idempotent with ``acks=all``; it flushes after each batch of the dataflow (no linger
  setting);
- one worker: workers of a process are threads and share Python's lock.

Bytewax stores its position in its snapshots, not in a consumer group. To be measured like the others, the source also
commits to BENCH_GROUP what an epoch's snapshot covered; these offsets are never read.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import bytewax.operators as op
import orjson
from bytewax.connectors.kafka import KafkaSink, KafkaSinkMessage, KafkaSource, KafkaSourceMessage
from bytewax.dataflow import Dataflow
from bytewax.operators import StatefulBatchLogic
from bytewax.recovery import RecoveryConfig, init_db_dir
from bytewax.run import cli_main
from confluent_kafka import TopicPartition

from tests.bench.peers.rule import State, counts, decide, headers_of
from tests.bench.peers.settings import Settings

Keyed = tuple[KafkaSourceMessage, dict[str, Any]]


class _Ledger(StatefulBatchLogic):  # type: ignore[misc]
    """A card's year."""

    def __init__(self, snapshot: bytes | None) -> None:
        self.state: State | None = None if snapshot is None else orjson.loads(snapshot)

    def on_batch(self, values: list[Keyed]) -> tuple[Iterable[KafkaSinkMessage], bool]:
        return [output for value in values for output in self._enter(*value)], StatefulBatchLogic.RETAIN

    def _enter(self, message: KafkaSourceMessage, event: dict[str, Any]) -> list[KafkaSinkMessage]:
        self.state, outputs = decide(self.state, event)
        return [
            KafkaSinkMessage(message.key, orjson.dumps(body), headers=headers_of(message.headers, kind, number))
            for number, (kind, body) in enumerate(outputs)
        ]

    def snapshot(self) -> bytes:
        state: bytes = orjson.dumps(self.state)
        return state


class _WatchedSource(KafkaSource):  # type: ignore[misc]
    """A source whose partitions also commit to the consumer group what the snapshots cover."""

    def build_part(self, step_id: str, for_part: str, resume_state: int | None) -> Any:
        part = super().build_part(step_id, for_part, resume_state)
        snapshot = part.snapshot

        def commit_and_snapshot() -> int | None:
            offset: int | None = snapshot()
            if offset is not None and offset >= 0:
                place = TopicPartition(part._topic, part._part_idx, offset)
                part._consumer.commit(offsets=[place], asynchronous=True)
            return offset

        part.snapshot = commit_and_snapshot
        return part


def _keyed(message: KafkaSourceMessage) -> tuple[str, Keyed] | None:
    if not counts(message.headers):
        return None
    event = orjson.loads(message.value)
    return f"{event['card_id']}:{event['year']}", (message, event)


def main() -> None:
    """Run until SIGTERM."""
    settings = Settings.from_environment()
    snapshots = settings.state / "snapshots"
    if not snapshots.exists():
        snapshots.mkdir(parents=True)
        init_db_dir(snapshots, 1)
    brokers = [settings.bootstrap]
    reading = {"group.id": settings.group, **settings.security}
    flow = Dataflow("ledgers")
    source = _WatchedSource(brokers, [settings.source], add_config=reading, batch_size=1000)
    events = op.filter_map("parse", op.input("earnings", flow, source), _keyed)
    totals = op.key_rm("balances", op.stateful_batch("ledgers", events, _Ledger))
    producing = {"acks": "all", "enable.idempotence": "true", "batch.size": "1048576", **settings.security}
    op.output("publish", totals, KafkaSink(brokers, settings.sink, add_config=producing))
    cli_main(flow, epoch_interval=timedelta(seconds=1), recovery_config=RecoveryConfig(snapshots))


if __name__ == "__main__":
    main()
