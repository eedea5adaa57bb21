"""The metrics of all processes, from the code."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from prometheus_client import Histogram
from prometheus_client.metrics import MetricWrapperBase

from services.exports import feed_check, results
from services.exports.extracts import worker
from services.gateway import projection_heartbeat
from services.gateway.attempts import limiter
from services.gateway.audit import nightly_check, watcher
from services.gateway.retention import job
from services.runtime import metrics as runtime_metrics

MODULES: Final = (
    runtime_metrics,
    limiter,
    projection_heartbeat,
    nightly_check,
    watcher,
    job,
    worker,
    feed_check,
    results,
)
"""The modules that define metrics."""
_OF_THE_LIBRARY: Final = ("process_start_time_seconds", "process_resident_memory_bytes", "process_cpu_seconds_total")


class Metric(NamedTuple):
    """A metric as Prometheus knows it."""

    name: str
    kind: str
    labels: tuple[str, ...]
    about: str

    @property
    def series(self) -> tuple[str, ...]:
        """The names of its series."""
        if self.kind == Histogram._type:
            return tuple(f"{self.name}_{part}" for part in ("bucket", "count", "sum"))
        return (self.name,)


def metrics() -> Iterator[Metric]:
    """Every metric, in the order of its definition."""
    for module in MODULES:
        for value in vars(module).values():
            if isinstance(value, MetricWrapperBase):
                # prometheus_client has no public access to these, and removes "_total" from the name of a counter.
                name = value._name + ("_total" if value._type == "counter" else "")
                yield Metric(name, str(value._type), tuple(value._labelnames), str(value._documentation))


LABELS: Final[Mapping[str, tuple[str, ...]]] = {
    **{series: metric.labels for metric in metrics() for series in metric.series},
    **dict.fromkeys(_OF_THE_LIBRARY, ()),
}
"""The labels of every series, by its name."""
