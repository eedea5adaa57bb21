"""The ledgers in faust-streaming: ``python -m tests.bench.peers.faust_ledgers``.

A table in RocksDB (rocksdict), backed by a changelog topic. Settings, and where the advice comes from (the settings
reference and the docstrings of faust-streaming 0.15):

- ``processing_guarantee``: what BENCH_GUARANTEE says, "at_least_once" (the library's default) by default;
- ``cython_optimizations`` and uvloop: the compiled paths that it ships and recommends;
- ``stream_buffer_maxsize`` stays at 4 096: the reference has more for streams that update no table, and 16 384 and
  131 072 were slower here;
- ``broker_commit_interval`` 1 s (default 2.8);
- ``producer_linger`` 5 ms and batches of up to 256 kB (aiokafka's own advice for throughput), ``producer_acks`` all;
- ``consumer_max_fetch_size`` 4 MB a partition;
- no web server, no leader topic, no standby replicas: one worker, as for every other contestant.
"""

from __future__ import annotations

import logging
import ssl
from typing import Any

import faust
import mode.loop

from tests.bench.peers.rule import counts, decide, headers_of
from tests.bench.peers.settings import MECHANISM, Settings

PARTITIONS = 6


def application(settings: Settings) -> Any:
    """The Faust application of the ledgers."""
    app = faust.App(
        settings.group,
        broker=f"kafka://{settings.bootstrap}",
        broker_credentials=_credentials(settings),
        store="rocksdb://",
        datadir=settings.state,
        processing_guarantee=settings.guarantee.replace("-", "_"),
        consumer_auto_offset_reset="earliest",
        topic_partitions=PARTITIONS,
        topic_replication_factor=1,
        topic_disable_leader=True,
        table_standby_replicas=0,
        web_enabled=False,
        cython_optimizations=True,
        broker_commit_interval=1.0,
        broker_session_timeout=6.0,
        broker_heartbeat_interval=2.0,
        producer_acks=-1,
        producer_linger=0.005,
        producer_max_batch_size=256 * 1024,
        consumer_max_fetch_size=4 * 1024 * 1024,
    )
    source = app.topic(settings.source, key_serializer="raw", value_serializer="json", partitions=PARTITIONS)
    sink = app.topic(settings.sink, key_serializer="raw", value_serializer="json", partitions=PARTITIONS)
    ledgers = app.Table("ledgers", key_type=str, partitions=PARTITIONS)

    async def enter(stream: Any) -> None:
        async for record in stream.events():
            headers = list(record.headers.items())
            if not counts(headers):
                continue
            event = record.value
            year = f"{event['card_id']}:{event['year']}"
            ledgers[year], events = decide(ledgers.get(year), event)
            for number, (kind, body) in enumerate(events):
                await sink.send(key=record.key, value=body, headers=headers_of(headers, kind, number))

    app.agent(source)(enter)
    return app


def _credentials(settings: Settings) -> Any:
    context = ssl.create_default_context(cafile=settings.ca_file) if settings.tls else None
    if settings.user is None:
        return None if context is None else faust.SSLCredentials(context)
    return faust.SASLCredentials(
        username=settings.user, password=settings.password, mechanism=MECHANISM, ssl_context=context
    )


def main() -> None:
    """Run until SIGTERM."""
    mode.loop.use("uvloop")
    worker = faust.Worker(application(Settings.from_environment()), loglevel=logging.WARNING)
    worker.execute_from_commandline()


if __name__ == "__main__":
    main()
