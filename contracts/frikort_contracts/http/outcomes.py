"""Outcomes of commands."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from frikort_contracts.http.common import Resource
from frikort_contracts.http.problems import ProblemResource


class OutcomeResource(Resource):
    """The outcome of a command. ``result`` or ``problem`` is the body of the answer to the command."""

    command_id: str
    status: Literal["pending", "done", "refused"] = Field(description="`pending` until the command has an outcome.")
    answer_status: int | None = Field(default=None, description="The HTTP status of the answer.")
    location: str | None = None
    result: dict[str, Any] | None = Field(default=None, description="The body of the answer; null unless done.")
    problem: ProblemResource | None = None


class PendingResource(Resource):
    """The command is accepted; its outcome will be at ``outcome``."""

    command_id: str
    status: Literal["pending"] = Field(default="pending", description="Always `pending`.")
    outcome: str
