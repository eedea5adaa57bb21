"""``python -m tests.bench.replay.without_tracing``: balance in an environment that has no OpenTelemetry at all."""

from __future__ import annotations

import runpy
import sys

if __name__ == "__main__":
    sys.modules["opentelemetry"] = None  # type: ignore[assignment]  # an import of it raises ImportError
    runpy.run_module("services.balance", run_name="__main__")
