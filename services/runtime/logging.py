"""Structured logs: one JSON object a line, from every library, without texts of exceptions, CPR numbers redacted."""

from __future__ import annotations

import logging
import sys
from typing import Any, Final

import structlog
from frikort_contracts.values import redact_cpr
from structlog.typing import EventDict, WrappedLogger

from services.runtime.errors import causes_of
from services.runtime.log_rate_limit import RateLimitFilter
from services.runtime.settings import CommandSettings

_REPEAT_EXCEPTIONS: Final = frozenset({"asyncio", "uvicorn.error"})
"""Loggers whose messages have the text of an exception in their further lines."""


class _Lines(structlog.WriteLogger):
    """Writes finished lines to standard error, for the module ``name``."""

    def __init__(self, name: str = "") -> None:
        super().__init__(sys.stderr)
        self.name = name


def configure(settings: CommandSettings, service: str) -> None:
    """Send structlog and the standard library's logging to standard error as JSON."""
    level = logging.getLevelNamesMapping()[settings.log_level.upper()]
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    rendering: list[Any] = [
        _without_texts,
        _redact,
        structlog.processors.JSONRenderer(ensure_ascii=False),
    ]
    # Our lines bypass the standard library: a request writes one line, and the library would take a tenth of its time.
    structlog.configure(
        processors=[*shared, *rendering],
        logger_factory=_Lines,
        wrapper_class=structlog.make_filtering_bound_logger(level),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.ExtraAdder()],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *rendering],
        )
    )
    rate_limit = RateLimitFilter()
    handler.addFilter(lambda record: not record.name.startswith("aiokafka") or rate_limit.filter(record))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in ("aiokafka", "faststream", "pymongo", "httpcore2", "httpx2", "uvicorn.error"):
        logging.getLogger(name).setLevel(logging.WARNING)
    structlog.contextvars.bind_contextvars(service=service)


def _without_texts(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Exceptions as their types and places, see ``services.runtime.errors``."""
    given = event.pop("exc_info", None)
    error = sys.exc_info()[1] if given is True else given[1] if isinstance(given, tuple) else given
    if isinstance(error, BaseException):
        event["exception"] = causes_of(error)
    if event.get("logger") in _REPEAT_EXCEPTIONS:
        event["event"] = str(event["event"]).partition("\n")[0]
    return event


def _redact(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    return {key: redact_cpr(value) for key, value in event.items()}
