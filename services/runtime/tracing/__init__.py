"""Traces by OpenTelemetry, of a process that has an address to send them to.

Without ``FRIKORT_TRACES_URL`` nothing here runs: the SDK is not imported, and requests, batches and publishes are not
wrapped. ``docs/decisions/0033-traces.md`` has the reasons, ``docs/operations.md`` the spans.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.runtime.settings import ProcessSettings

if TYPE_CHECKING:
    from services.runtime.tracing.setup import Tracing


def tracing_of(settings: ProcessSettings, process: str) -> Tracing | None:
    """The tracing of a process; None if its settings have no address for spans."""
    if settings.traces_url is None:
        return None
    from services.runtime.tracing.setup import start  # noqa: PLC0415 - no other process loads the SDK

    return start(settings, process)
