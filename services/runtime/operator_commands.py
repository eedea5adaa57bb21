"""What the commands of an operator share: checked settings, words that are kept, and their output."""

from __future__ import annotations

import argparse
import sys
from typing import TypeVar, overload

from frikort_contracts.values import redact_cpr
from pydantic import ValidationError

from services.runtime import logging as runtime_logging
from services.runtime.safety_checks import UnsafeSetting, check_settings
from services.runtime.settings import CommandSettings, RuntimeSettings
from services.runtime.starting import problems_of

T = TypeVar("T", bound=CommandSettings)


class SettingsRefused(RuntimeError):
    """A setting is missing, wrong or unsafe; the text says which."""


@overload
def settings_for(command: str) -> RuntimeSettings: ...
@overload
def settings_for(command: str, kind: type[T]) -> T: ...
def settings_for(command: str, kind: type[CommandSettings] = RuntimeSettings) -> CommandSettings:
    """The settings of a command; its log is configured by them. Raises ``SettingsRefused``."""
    try:
        settings = kind()
        check_settings(settings)
    except ValidationError as wrong:
        raise SettingsRefused("\n".join(problems_of(wrong))) from None
    except UnsafeSetting as unsafe:
        raise SettingsRefused(str(unsafe)) from None
    runtime_logging.configure(settings, command)
    return settings


def words(text: str) -> str:
    """The type of an argument that is kept without limit, such as a reason: it has no CPR number."""
    if not text.strip():
        raise argparse.ArgumentTypeError("must not be empty")
    if redact_cpr(text) != text:
        raise argparse.ArgumentTypeError("contains something like a CPR number; the text is kept without limit")
    return text


def write(text: str) -> None:
    """Write a line to standard output."""
    sys.stdout.write(text + "\n")


def say(code: int, *texts: str) -> int:
    """Write lines to standard error; returns the exit code ``code``."""
    for text in texts:
        sys.stderr.write(text + "\n")
    return code
