"""The metrics of every process. ``docs/operations.md`` lists all metrics; a test compares them with the code.

Every set of labels that is known at start is there from the start, so that the first increase of a counter is seen.
``processor`` is always ``<service>.<processor>``, as in the origin of a dead letter. No label has a value that a client
or a person chooses.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from prometheus_client import Counter, Gauge, Histogram, disable_created_metrics

# A time of creation for each set of labels would be a tenth of what is scraped.
disable_created_metrics()  # type: ignore[no-untyped-call]

BUILD: Final = Gauge("frikort_build_info", "1, with the release that runs.", ["service", "version", "revision"])
READY: Final = Gauge("frikort_ready", "1 if `/health/ready` answers 200.", ["service"])

APPLIED: Final = Counter("frikort_messages_applied_total", "Messages processed.", ["processor"])
PUBLISHED: Final = Counter("frikort_events_published_total", "Events published.", ["processor"])
DEAD: Final = Counter("frikort_dead_letters_total", "Records sent to a dead-letter topic.", ["processor"])
DEAD_WAITING: Final = Gauge(
    "frikort_dead_letters_waiting",
    "Dead letters that are neither replayed nor discarded, counted every 30 s by each instance of their reader.",
    ["processor", "topic"],
)
RETRIES: Final = Counter(
    "frikort_batch_retries_total", "Batches tried again; `runtime.batch_waits` in the log says why.", ["processor"]
)
BATCH_SECONDS: Final = Histogram(
    "frikort_batch_seconds",
    "Seconds from a batch being read to its events being published.",
    ["processor"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)
RECORD_AGE: Final = Histogram(
    "frikort_record_age_seconds",
    "Seconds from the acceptance of a command to the end of the batch with a message that it led to: the oldest of its "
    "type in each batch.",
    ["processor", "type"],
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800),
)
LAG: Final = Gauge("frikort_lag_records", "Records not yet processed.", ["processor", "topic", "partition"])
LAST_PROGRESS: Final = Gauge(
    "frikort_last_progress_timestamp_seconds",
    "When the processor last finished a batch, in seconds since 1970; 0 before the first.",
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

REQUEST_SECONDS: Final = Histogram(
    "frikort_http_request_seconds",
    "Seconds from the headers of a request to the headers of its response. `outcome`: success (below 400), "
    "refused (4xx), failed (5xx).",
    ["service", "method", "route", "outcome"],
    buckets=(0.025, 0.1, 0.25, 0.5, 1, 2.5, 10),
)


def prepare(processors: Iterable[str]) -> None:
    """Create the metrics of processors with the value 0."""
    for processor in processors:
        for metric in (APPLIED, PUBLISHED, DEAD, RETRIES, BATCH_SECONDS, LAST_PROGRESS, STALLED):
            metric.labels(processor)


def prepare_jobs(kinds: Iterable[str]) -> None:
    """Create the metrics of the kinds of jobs with the value 0."""
    for kind in kinds:
        JOB_DOCUMENTS.labels(kind)
        JOB_DOCUMENTS_DONE.labels(kind)
