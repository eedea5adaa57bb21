"""Run the portals: ``python -m services.portals``."""

from __future__ import annotations

from services.portals.app import application_factory
from services.portals.settings import PortalsSettings
from services.runtime import logging
from services.runtime.service import Runtime
from services.runtime.starting import report_settings
from services.runtime.web.server import serve


def main() -> None:
    """Settings, logging, runtime, application, server; until SIGTERM."""
    report_settings("portals")
    settings = PortalsSettings()
    logging.configure(settings, "portals")
    runtime = Runtime(service="portals", settings=settings)
    serve(runtime, application_factory(settings, runtime))


if __name__ == "__main__":
    main()
