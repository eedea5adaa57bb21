"""The driver of MongoDB that tests with a database use; ``make verify ONLY=driver`` sets the other one."""

from __future__ import annotations

import os
from typing import Final, cast

from services.runtime.mongo.driver import Driver

DRIVER: Final = cast(Driver, os.environ.get("FRIKORT_MONGODB_DRIVER", "motor"))
