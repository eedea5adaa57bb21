"""The OpenAPI document: what FastAPI derives from the routes, and what else code generators need.

Routes declare their successful responses and, with ``operation_problems.problems``, their own problem codes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from frikort_contracts import __version__
from frikort_contracts.fields import FIELDS
from frikort_contracts.http.problems import ProblemResource
from starlette.routing import BaseRoute

from services.gateway.formats import Language
from services.gateway.operation_problems import codes_of
from services.gateway.problem_texts import CATALOGUE
from services.gateway.problems import MEDIA_TYPE, document, is_problem

Document = dict[str, Any]

_DESCRIPTION: Final = """\
The API of *socialt frikort*: a Danish citizen with special social problems may earn a yearly amount free of tax.
Municipalities issue cards, employers report earnings, and everyone concerned sees the balance.

**Amounts** are whole øre (1/100 krone) and their names end in `_ore`. A **date** is `YYYY-MM-DD`. A **year** is the
calendar year in Europe/Copenhagen.

**Commands** need an `Idempotency-Key`: the same key gives the same answer for 400 days, and is never done twice. A
command is answered when its outcome is known and readable, or with `202` and a `Location` when that takes longer than
`Prefer: wait=N`.

**Errors** are problem documents (RFC 9457) in Danish or English by `Accept-Language`. Program against `code`; each code
is explained at `/problems/{code}`, and `GET /v1/problems` lists them all.

**Versions.** Answers may get new fields: ignore those that you do not know. Requests with unknown fields or query
parameters are refused.
"""
_TAGS: Final = (
    ("employer", "Employers and their payroll systems: employments, reports and payroll files."),
    ("citizen", "Citizens, and people who hold a mandate from one: cards, balances, reports and disputes."),
    ("caseworker", "Municipal caseworkers: cards, controls, mandates and the audit log."),
    ("authority", "Authorities: extracts of the statements of a year, and results of reconciliations."),
    ("auditor", "Auditors: search and export the log of who read or changed whose data."),
    ("everyone", "Allowances, outcomes of commands, and the problem catalogue."),
)
_STATUSES: Final = {
    400: "Malformed request",
    401: "No valid access token",
    403: "Not permitted",
    404: "Not found, or not visible to the caller",
    409: "In conflict with the present state",
    408: "The body arrived too slowly",
    410: "No longer kept",
    413: "Too large: at most 64 KB, a payroll file at most 32 MB and 100,000 lines",
    415: "The content type is not one of those listed for the request body",
    416: "The range is outside the file",
    422: "The request has errors or breaks a rule",
    429: "Too many",
    500: "Internal error",
    503: "Temporarily unavailable",
}
_SECURITY: Final = "oauth2"
_HEADERS: Final[dict[str, tuple[str, Document]]] = {
    "Content-Language": ("Language of the texts: `da` or `en`.", {"type": "string", "enum": ["da", "en"]}),
    "Content-Range": ("The bytes in the body, and the size of the file.", {"type": "string"}),
    "Correlation-Id": ("Id of the request; state it when you contact the operator.", {"type": "string"}),
    "ETag": ("Changes when the file changes; send it as If-None-Match.", {"type": "string"}),
    "Idempotency-Replayed": ("`true` if the key was used before.", {"type": "string", "enum": ["true"]}),
    "Location": ("Address of the new resource or of the outcome.", {"type": "string", "format": "uri-reference"}),
    "Preference-Applied": ("The seconds that were waited: `wait=N`.", {"type": "string"}),
    "Repr-Digest": ("SHA-256 of the whole file (RFC 9530).", {"type": "string"}),
    "Retry-After": ("Seconds after which to try again.", {"type": "integer", "minimum": 0}),
    "WWW-Authenticate": (
        "The scheme that is needed: `Bearer`; `max_age` (RFC 9470) is the most seconds since the login.",
        {"type": "string"},
    ),
}
_PARAMETERS: Final[dict[str, Document]] = {
    "Idempotency-Key": {
        "required": True,
        "description": "Your own key, stored before you send. The same key always gets the same response.",
        "schema": {
            "type": "string",
            "pattern": r"^[\x21-\x7e]{1,255}$",
            "examples": ["0b0f4f0a-7d1c-4b52-9f25-0d9f2f0f6d11"],
        },
    },
    "Prefer": {
        "required": False,
        "description": "`wait=N`: seconds to wait for the outcome, 0 to 30.",
        "schema": {"type": "string", "default": ""},
    },
    "Range": {
        "required": False,
        "description": "One range of the file: `bytes=0-999`. Send the ETag as If-Range to continue a download.",
        "schema": {"type": "string", "default": ""},
    },
    "Access-Reason": {
        "required": True,
        "description": "Why you read the data, in 3 to 200 characters (UTF-8). The citizen can read it. Do not put a "
        "CPR number, a card number or a name in it.",
        "schema": {
            "type": "string",
            "minLength": 3,
            "maxLength": 200,
            "examples": ["Opfølgning på sag 2025-0042"],
        },
    },
}
"""The request headers that the dependencies of routes read (``api/dependencies.py``)."""
_REPLACED_SCHEMAS: Final = ("HTTPValidationError", "ValidationError")
"""What FastAPI documents for invalid requests. This API answers with problem documents instead."""
_OF_FILES: Final[Mapping[int, tuple[str, ...]]] = {
    200: ("ETag", "Repr-Digest"),
    206: ("ETag", "Repr-Digest", "Content-Range"),
    304: ("ETag",),
    416: ("Content-Range",),
}
"""The headers of a file by the status."""
_METHODS: Final = frozenset({"get", "put", "post", "delete"})


class Addresses(NamedTuple):
    """Where a gateway and its authorization server are found."""

    server: str
    authorization: str
    token: str


PLACEHOLDERS: Final = Addresses(
    "https://frikort.invalid", "https://login.frikort.invalid/auth", "https://login.frikort.invalid/token"
)
"""For the committed document; a running gateway serves its own addresses."""


def add_openapi(app: FastAPI, addresses: Addresses) -> None:
    """Let ``app`` serve the completed document."""

    def openapi() -> Document:
        if app.openapi_schema is None:
            app.openapi_schema = create_document(app.routes, addresses)
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]  # as FastAPI documents it ("Extending OpenAPI")


def create_document(routes: Sequence[BaseRoute], addresses: Addresses) -> Document:
    """The OpenAPI 3.1 document of ``routes``."""
    created = get_openapi(
        title="Frikort",
        version=__version__,
        description=_DESCRIPTION,
        routes=routes,
        servers=[{"url": addresses.server, "description": "This gateway."}],
        tags=[{"name": name, "description": description} for name, description in _TAGS],
    )
    components = created["components"]
    schemas = components["schemas"]
    for name in _REPLACED_SCHEMAS:
        schemas.pop(name, None)
    components["securitySchemes"] = {_SECURITY: _oauth2(addresses)}
    components["headers"] = {
        name: {"description": description, "schema": schema} for name, (description, schema) in _HEADERS.items()
    }
    used: set[str] = set()
    for item in created["paths"].values():
        for method, operation in item.items():
            if method in _METHODS:
                used.update(_complete(operation, schemas))
    components["examples"] = {code: _problem_example(code) for code in sorted(used)}
    adapted: Document = _adapted(created)
    return adapted


def _complete(operation: Document, schemas: Mapping[str, Document]) -> list[str]:
    """Add the headers, security, problems and examples of ``operation``. Returns its problem codes."""
    for header in _headers_read(operation):
        operation.setdefault("parameters", []).append(_parameter(header))
    operation["security"] = [{_SECURITY: []}] if "security" in operation else []
    operation.setdefault("description", operation["summary"])
    for parameter in operation.get("parameters", ()):
        if "description" not in parameter:
            parameter["description"] = FIELDS[parameter["name"]].description
    codes = codes_of(operation)
    responses = {status: response for status, response in operation["responses"].items() if not is_problem(int(status))}
    for status in sorted({CATALOGUE[code].status for code in codes}):
        responses[str(status)] = _problem_response(status, [c for c in codes if CATALOGUE[c].status == status])
    operation["responses"] = responses
    operation["x-problem-codes"] = codes
    is_command = any(parameter["name"] == "Idempotency-Key" for parameter in operation.get("parameters", ()))
    for status, response in responses.items():
        names = _headers_of(operation["operationId"], int(status), response, is_command=is_command)
        response["headers"] = {name: {"$ref": f"#/components/headers/{name}"} for name in names}
        for media_type, media in response.get("content", {}).items():
            is_json = media_type == "application/json" or media_type.endswith("+json")
            media.setdefault("schema", {} if is_json else {"type": "string"})  # a file or a stream
        media = response.get("content", {}).get("application/json")
        if media is not None and "$ref" in media["schema"] and not media.keys() & {"example", "examples"}:
            media["example"] = example_of(media["schema"], schemas)
    return codes


def _headers_read(operation: Document) -> list[str]:
    """The request headers that the name of the operation's security scheme lists (``caller_in``)."""
    return [header for scheme in operation.get("security", ()) for name in scheme for header in name.split()[1:]]


def _parameter(header: str) -> Document:
    documented = _PARAMETERS[header]
    schema = {**documented["schema"], "description": documented["description"]}
    return {"name": header, "in": "header", **documented, "schema": schema}


def _headers_of(operation: str, status: int, response: Document, *, is_command: bool) -> Iterator[str]:
    yield "Correlation-Id"
    content = response.get("content", {})
    if MEDIA_TYPE in content or (is_command and status != 202):
        yield "Content-Language"
    if is_command and status < 300:
        yield "Idempotency-Replayed"
        if operation != "send_batch":
            yield "Preference-Applied"
    if status == 201 or (status == 202 and is_command):
        yield "Location"
    if status == 202 and is_command and operation != "send_batch":
        yield "Retry-After"
    if status in (429, 503):
        yield "Retry-After"
    if status == 401:
        yield "WWW-Authenticate"
    if operation == "download_extract":
        yield from _OF_FILES.get(status, ())


def _problem_response(status: int, codes: Sequence[str]) -> Document:
    titles = "".join(f"\n- `{code}`: {CATALOGUE[code].en.title}" for code in codes)
    return {
        "description": f"{_STATUSES[status]}.\n{titles}",
        "content": {
            MEDIA_TYPE: {
                "schema": {"$ref": f"#/components/schemas/{ProblemResource.__name__}"},
                "examples": {code: {"$ref": f"#/components/examples/{code}"} for code in codes},
            }
        },
    }


def _problem_example(code: str) -> Document:
    errors = [("/components/wage_ore", "missing", "")] if code == "invalid-request" else []
    instance = "6f1f0c2e-5a0b-5f7c-9b0e-2f1f6e0f5c11"
    return {
        "summary": CATALOGUE[code].en.title,
        "value": document(code, Language.ENGLISH, instance=instance, errors=errors),
    }


def _oauth2(addresses: Addresses) -> Document:
    return {
        "type": "oauth2",
        "description": "Access tokens as in RFC 9068; their role and organisation decide what the caller may do.",
        "flows": {
            "clientCredentials": {"tokenUrl": addresses.token, "scopes": {}},
            "authorizationCode": {
                "authorizationUrl": addresses.authorization,
                "tokenUrl": addresses.token,
                "scopes": {},
            },
        },
    }


def _adapted(part: Any, name: str = "") -> Any:
    """``part`` of the document, adapted to common code generators.

    Amounts are 64-bit. A constant is an enum of one value, because several generators create a broken type for
    ``const``. Properties have no title, because generators name types after it.
    """
    if isinstance(part, list):
        return [_adapted(item, name) for item in part]
    if not isinstance(part, dict):
        return part
    adapted = {}
    for key, value in part.items():
        if key in ("example", "examples", "default"):
            adapted[key] = value
        elif key == "properties":
            adapted[key] = {
                field: {k: v for k, v in _adapted(schema, field).items() if k != "title" or not isinstance(v, str)}
                for field, schema in value.items()
            }
        elif key == "schema":
            adapted[key] = {k: v for k, v in _adapted(value, name).items() if k != "title"}
        else:
            adapted[key] = _adapted(value, name)
    if name.endswith("_ore") and adapted.get("type") == "integer":
        adapted["format"] = "int64"
    if "const" in adapted and adapted.get("type") == "string":
        adapted["enum"] = [adapted.pop("const")]
    return adapted


def example_of(schema: Mapping[str, Any], schemas: Mapping[str, Document], name: str = "") -> Any:
    """An example of what ``schema`` describes, from its own example or the shared examples of fields."""
    if "$ref" in schema:
        return example_of(schemas[schema["$ref"].rpartition("/")[2]], schemas, name)
    if "anyOf" in schema:
        return example_of(next(one for one in schema["anyOf"] if one.get("type") != "null"), schemas, name)
    if "enum" in schema:
        return schema["enum"][0]
    if "const" in schema:
        return schema["const"]
    if "examples" in schema:
        return schema["examples"][0]
    kind = schema.get("type", "object")
    if kind == "array":
        shared = FIELDS[name].example if name in FIELDS else None
        return shared if isinstance(shared, list) else [example_of(schema["items"], schemas)]
    if kind == "object":
        return {field: example_of(one, schemas, field) for field, one in schema.get("properties", {}).items()}
    shared = FIELDS[name].example if name in FIELDS else None
    if shared is not None and _TYPES[kind] is type(shared):
        return shared
    return _BY_FORMAT.get(schema.get("format", ""), _DEFAULTS[kind])


_TYPES: Final[dict[str, type]] = {"string": str, "integer": int, "boolean": bool, "number": float}
_DEFAULTS: Final[dict[str, Any]] = {"string": "...", "integer": 1, "boolean": False, "number": 1.0}
_BY_FORMAT: Final = {"date": "2025-03-31", "date-time": "2025-04-01T09:30:00Z"}
