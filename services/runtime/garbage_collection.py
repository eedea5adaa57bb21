"""How often Python looks for objects that only refer to each other."""

from __future__ import annotations

import gc
from typing import Final

_OBJECTS_A_COLLECTION: Final = 300_000


def collect_seldom() -> None:
    """For a process that has started, and now processes batches.

    Objects created at start live as long as the process: they are excluded. A batch creates many live objects; the
    default threshold would scan them again and again.
    """
    gc.freeze()
    gc.set_threshold(_OBJECTS_A_COLLECTION, 10, 10)
