"""Traces by OpenTelemetry, of a process that has an address to send them to.

Without ``FRIKORT_TRACES_URL`` nothing here runs: the SDK is not imported, and requests, batches and publishes are not
wrapped. ``docs/decisions/0034-traces.md`` has the reasons, ``docs/operations.md`` the spans.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from services.runtime.settings import ProcessSettings

if TYPE_CHECKING:
    from fastapi.telemetry import TelemetryConfig

    from services.runtime.tracing.setup import Tracing


NO_TELEMETRY: Final[TelemetryConfig] = {
    "tracing": False,
    "metrics": False,
    "logs": False,
    "operation_spans": False,
    "auto_configure": False,
}
"""What FastAPI may send by itself: nothing. Its logs would have the texts of errors."""


def tracing_of(settings: ProcessSettings, process: str) -> Tracing | None:
    """The tracing of a process; None if its settings have no address for spans."""
    if settings.traces_url is None:
        return None
    from services.runtime.tracing.setup import start  # noqa: PLC0415 - no other process loads the SDK

    return start(settings, process)
