"""Balance under the name in ``TEST_SERVICE``, so that each test has a group and a database of its own."""

from __future__ import annotations

import os

from services.balance.processor import LEDGERS
from services.runtime.settings import RuntimeSettings
from services.runtime.web.server import run

if __name__ == "__main__":
    run(service=os.environ["TEST_SERVICE"], settings=RuntimeSettings(), processors=[LEDGERS])
