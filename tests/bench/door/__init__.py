"""What goes in by the gateway's door and out by exports', against the least that could do it."""

from __future__ import annotations

from typing import Final

from tests.bench.door import accept

CASES: Final = (*accept.CASES,)
RATIOS: Final = (*accept.RATIOS,)
