"""Run the projections: ``python -m services.gateway.projections``."""

from __future__ import annotations

from services.gateway.projection_heartbeat import beat
from services.gateway.projections import PROJECTIONS
from services.runtime.settings import RuntimeSettings
from services.runtime.web.server import run

if __name__ == "__main__":
    run(
        service="gateway",
        process="projections",
        settings=RuntimeSettings(),
        processors=PROJECTIONS,
        background_tasks=[beat],
    )
