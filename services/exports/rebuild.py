"""Build the histories of cards again from the topics: ``python -m services.exports.rebuild card_histories``."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from services.exports.statistics.card_history import CARD_HISTORIES
from services.runtime.rebuild import command


def main(arguments: Sequence[str] | None = None) -> int:
    """The command. Returns its exit code."""
    return command.main("exports", "services.exports.rebuild", [CARD_HISTORIES], arguments)


if __name__ == "__main__":
    sys.exit(main())
