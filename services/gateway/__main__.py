"""Run the API: ``python -m services.gateway``."""

from __future__ import annotations

from services.gateway.app import application_factory
from services.gateway.clock import check_clock
from services.gateway.settings import GatewaySettings
from services.runtime import logging
from services.runtime.service import Runtime
from services.runtime.starting import report_settings
from services.runtime.web.server import serve


def main() -> None:
    """Serve the API until SIGTERM."""
    report_settings("gateway")
    settings = GatewaySettings()
    logging.configure(settings, "gateway")
    runtime = Runtime(service="gateway", settings=settings, start_checks=[check_clock])
    serve(runtime, application_factory(settings, runtime))


if __name__ == "__main__":
    main()
