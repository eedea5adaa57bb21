"""The catalogue of metrics that every service tells of itself."""

from __future__ import annotations

from typing import Final

from prometheus_client import Counter, Gauge, Histogram

APPLIED: Final = Counter("frikort_messages_applied_total", "Messages carried out.", ["processor"])
PUBLISHED: Final = Counter("frikort_events_published_total", "Events published.", ["processor"])
DEAD: Final = Counter("frikort_dead_letters_total", "Records put aside to a dead-letter topic.", ["processor"])
RETRIES: Final = Counter("frikort_batch_retries_total", "Batches tried again.", ["processor", "because"])
BATCH_SECONDS: Final = Histogram(
    "frikort_batch_seconds",
    "Seconds from a batch being read to its offsets being committed.",
    ["processor"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)
LAG: Final = Gauge("frikort_lag_records", "Records not yet processed.", ["processor", "topic", "partition"])
