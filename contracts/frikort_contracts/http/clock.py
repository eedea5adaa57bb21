"""The settable clock of a local system."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import StringConstraints

from frikort_contracts.http.common import Body, Resource, example


class ClockResource(Resource):
    """What time it is here."""

    time: datetime


class ClockBody(Body):
    """What time it shall be (local only)."""

    model_config = example(time="2025-01-15T09:00:00Z")

    time: Annotated[str, StringConstraints(max_length=40)]
