"""Structured logs: one JSON object a line, from every library, without texts of exceptions, CPR numbers redacted."""

from __future__ import annotations

import logging
import sys
import threading
from types import TracebackType
from typing import Any, Final

import structlog
from frikort_contracts.values import redact_cpr
from structlog.typing import EventDict, WrappedLogger

from services.runtime.errors import causes_of
from services.runtime.log_rate_limit import RateLimitFilter
from services.runtime.settings import CommandSettings

logger = structlog.get_logger(__name__)

_REPEAT_EXCEPTIONS: Final = frozenset({"asyncio", "py.warnings", "uvicorn.error"})
"""Loggers whose messages have the text of an exception, or a line of code, in their further lines."""


class _Lines(structlog.WriteLogger):
    """Writes finished lines to standard error, for the module ``name``."""

    def __init__(self, name: str = "") -> None:
        super().__init__(sys.stderr)
        self.name = name


def configure(settings: CommandSettings, service: str) -> None:
    """Send structlog and the standard library's logging to standard error as JSON."""
    level = logging.getLevelNamesMapping()[settings.log_level.upper()]

    def of_service(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
        event.setdefault("service", service)
        return event

    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        of_service,
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


def log_uncaught() -> None:
    """Log errors that no code catches, and warnings of Python, as lines of JSON. For a process, after ``configure``."""

    def of_main(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if issubclass(kind, KeyboardInterrupt):
            sys.__excepthook__(kind, error, trace)
        else:
            logger.critical("runtime.uncaught", place="main", exc_info=error)

    def of_thread(failed: threading.ExceptHookArgs) -> None:
        logger.critical("runtime.uncaught", place="thread", exc_info=failed.exc_value)

    def of_cleanup(failed: sys.UnraisableHookArgs) -> None:
        logger.critical("runtime.uncaught", place="cleanup", exc_info=failed.exc_value)

    sys.excepthook, threading.excepthook, sys.unraisablehook = of_main, of_thread, of_cleanup
    logging.captureWarnings(capture=True)


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
