"""Build read models again from the topics: ``python -m services.gateway.projections.rebuild reports``."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from services.gateway.projections import PROJECTIONS
from services.runtime.rebuild import command


def main(arguments: Sequence[str] | None = None) -> int:
    """The command. Returns its exit code."""
    return command.main("gateway", "services.gateway.projections.rebuild", PROJECTIONS, arguments)


if __name__ == "__main__":
    sys.exit(main())
