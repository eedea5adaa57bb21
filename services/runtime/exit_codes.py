"""Exit codes of the services and their commands; ``docs/operations.md`` says what to do about each."""

from __future__ import annotations

from typing import Final

DONE: Final = 0
"""Stopped as asked, or done."""
NOT_DONE: Final = 1
"""A command was refused; its message says why."""
CANNOT_START: Final = 3
"""Kafka, its topics or MongoDB did not answer in time."""
NOT_FOUND: Final = 4
"""A command names something that does not exist."""
STOPPED_ITSELF: Final = 70
"""A service stopped before it would have lost or damaged something (EX_SOFTWARE)."""
UNSAFE_SETTING: Final = 78
"""A setting that can lose data (EX_CONFIG)."""
