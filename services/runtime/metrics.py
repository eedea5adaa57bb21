"""The metrics of every process. ``docs/operations.md`` lists them; a test compares the two."""

from __future__ import annotations

from typing import Final

from prometheus_client import Counter, Gauge, Histogram

APPLIED: Final = Counter("frikort_messages_applied_total", "Messages processed.", ["processor"])
PUBLISHED: Final = Counter("frikort_events_published_total", "Events published.", ["processor"])
DEAD: Final = Counter("frikort_dead_letters_total", "Records sent to a dead-letter topic.", ["processor"])
RETRIES: Final = Counter("frikort_batch_retries_total", "Batches tried again.", ["processor", "reason"])
BATCH_SECONDS: Final = Histogram(
    "frikort_batch_seconds",
    "Seconds from a batch being read to its events being published.",
    ["processor"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)
LAG: Final = Gauge("frikort_lag_records", "Records not yet processed.", ["processor", "topic", "partition"])
LAST_PROGRESS: Final = Gauge(
    "frikort_last_progress_timestamp_seconds",
    "When the processor last finished a batch, in seconds since 1970.",
    ["processor"],
)
STALLED: Final = Gauge(
    "frikort_stalled", "1 if records wait and the processor has made no progress for too long.", ["processor"]
)

JOB_DOCUMENTS: Final = Gauge(
    "frikort_job_documents", "Documents of a job over all documents, when it was started.", ["kind"]
)
JOB_DOCUMENTS_DONE: Final = Gauge(
    "frikort_job_documents_done", "Documents of a job whose message is published.", ["kind"]
)

CATALOGUE: Final = (
    APPLIED,
    PUBLISHED,
    DEAD,
    RETRIES,
    BATCH_SECONDS,
    LAG,
    LAST_PROGRESS,
    STALLED,
    JOB_DOCUMENTS,
    JOB_DOCUMENTS_DONE,
)
