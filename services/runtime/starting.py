"""What a process logs if it cannot start because of its settings: one line of JSON that names them."""

from __future__ import annotations

import sys
import traceback
from pathlib import Path
from types import TracebackType
from typing import Final

import frikort_contracts
import structlog
from pydantic import ValidationError
from pydantic_settings import SettingsError
from pymongo.errors import PyMongoError

from services.runtime import logging as runtime_logging
from services.runtime.settings import REPOSITORY, CommandSettings

logger = structlog.get_logger(__name__)

_OURS: Final = (str(REPOSITORY / "services"), str(Path(frikort_contracts.__file__).parent))
_OF_A_VALIDATOR: Final = "Value error, "


def report_settings(process: str) -> None:
    """Log settings that are missing or cannot be used; the process then ends with 1. Call this before they are read.

    ``serve`` and ``run`` end it.
    """
    runtime_logging.configure(CommandSettings.model_construct(log_level="info"), process)
    runtime_logging.log_uncaught()
    of_others = sys.excepthook

    def of_settings(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if isinstance(error, ValueError | PyMongoError):
            logger.critical("runtime.settings_unusable", problems=problems_of(error))
        else:
            of_others(kind, error, trace)

    sys.excepthook = of_settings


def problems_of(error: ValueError | PyMongoError) -> list[str]:
    """Each setting that is missing or cannot be used, without its value.

    The text of an error is left out unless our code raised it: a library may repeat a key in it.
    """
    if isinstance(error, ValidationError):
        found = error.errors(include_input=False, include_url=False, include_context=False)
        return [
            ": ".join([*map(_setting_of, one["loc"][:1]), one["msg"].removeprefix(_OF_A_VALIDATOR)]) for one in found
        ]
    if isinstance(error, PyMongoError):
        return [f"FRIKORT_MONGODB: {type(error).__name__}"]
    if isinstance(error, SettingsError):  # it names the field, and repeats nothing
        return [str(error)]
    frames = traceback.extract_tb(error.__traceback__)
    if frames and frames[-1].filename.startswith(_OURS):
        return [str(error)]
    return [f"{type(error).__name__} at {frames[-1].filename}:{frames[-1].lineno}" if frames else type(error).__name__]


def _setting_of(field: int | str) -> str:
    return f"FRIKORT_{str(field).upper()}"
