"""Structured logs: one JSON object a line, from every library, with anything like a CPR number blotted out."""

from __future__ import annotations

import logging
import sys
from typing import Any

import structlog
from structlog.typing import EventDict, WrappedLogger

from contracts.values import redact_cpr
from services.runtime.log_limit import SameThingSeldom
from services.runtime.settings import RuntimeSettings


def configure(settings: RuntimeSettings, service: str) -> None:
    """Send structlog and the standard library's logging to standard error as JSON."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            _redact,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    seldom = SameThingSeldom()
    handler.addFilter(lambda record: not record.name.startswith("aiokafka") or seldom.filter(record))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.log_level.upper())
    for name in ("aiokafka", "faststream", "pymongo", "httpcore2", "httpx2", "uvicorn.error"):
        logging.getLogger(name).setLevel(logging.WARNING)
    structlog.contextvars.bind_contextvars(service=service)


def _redact(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    return {key: redact_cpr(value) for key, value in event.items()}
