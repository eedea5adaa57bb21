"""Outcomes of commands, problem documents (RFC 9457) and the problem catalogue."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from frikort_contracts.http.common import Resource


class ProblemResource(BaseModel):
    """A problem document (RFC 9457). ``type`` is stable: program against it."""

    model_config = ConfigDict(
        extra="allow",
        json_schema_extra={
            "examples": [
                {
                    "type": "/problems/payment-in-future",
                    "title": "The payment date lies in the future",
                    "status": 422,
                    "detail": "The payment date is 1 April 2025. Report when the wage has been paid.",
                    "instance": "urn:uuid:6f1f0c2e-5a0b-5f7c-9b0e-2f1f6e0f5c11",
                    "facts": {"payment_date": "2025-04-01"},
                }
            ]
        },
    )

    type: str
    title: str
    status: int
    detail: str
    instance: str
    facts: dict[str, str | int] | None = None
    errors: list[dict[str, str]] | None = None


class OutcomeResource(Resource):
    """What became of a command. ``result`` or ``problem`` is the answer that the command got, or would have got."""

    command_id: str
    status: Literal["pending", "done", "refused"]
    answer_status: int | None = Field(default=None, description="The HTTP status of the answer.")
    location: str | None = None
    result: dict[str, Any] | None = None
    problem: ProblemResource | None = None


class PendingResource(Resource):
    """The command is accepted; its outcome will be at ``outcome``."""

    command_id: str
    status: Literal["pending"] = "pending"
    outcome: str


class CatalogueText(Resource):
    """A problem in one language."""

    title: str
    remedy: str


class CatalogueEntry(Resource):
    """A problem of the catalogue."""

    type: str
    status: int
    da: CatalogueText
    en: CatalogueText
