"""The responses that routes document in OpenAPI beside their own."""

from __future__ import annotations

from typing import Any, Final

from frikort_contracts.http.outcomes import PendingResource
from frikort_contracts.http.problems import ProblemResource

from services.gateway.problems import MEDIA_TYPE

Responses = dict[int | str, dict[str, Any]]


def _problem(description: str) -> dict[str, Any]:
    # By reference: FastAPI would put a model under application/json. The schema exists because outcomes contain it.
    schema = {"$ref": f"#/components/schemas/{ProblemResource.__name__}"}
    return {"description": description, "content": {MEDIA_TYPE: {"schema": schema}}}


READ_RESPONSES: Final[Responses] = {
    401: _problem("No valid access token"),
    403: _problem("Another role"),
    422: _problem("The request has errors, or a caseworker gives no reason for reading"),
    503: _problem("Temporarily unavailable; see Retry-After"),
}
FIND_RESPONSES: Final[Responses] = {
    **READ_RESPONSES,
    404: _problem("Does not exist, or is not the caller's"),
}
COMMAND_RESPONSES: Final[Responses] = {
    **FIND_RESPONSES,
    202: {"description": "Accepted; the outcome will be at Location", "model": PendingResource},
    400: _problem("Malformed JSON, or no usable Idempotency-Key"),
    409: _problem("In conflict with the present state"),
    413: _problem("More than 1 MB"),
    415: _problem("Not JSON"),
    500: _problem("Internal error; the same key may be used again"),
    422: _problem("The request has errors, breaks a rule, or its key was used for another request"),
}
STREAM_RESPONSES: Final[Responses] = {
    **FIND_RESPONSES,
    429: _problem("Too many streams are open; see Retry-After"),
}
REGISTER_RESPONSES: Final[Responses] = {
    **COMMAND_RESPONSES,
    429: _problem("Too many wrong attempts; see Retry-After"),
}
