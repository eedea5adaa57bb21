"""Checks every response against the OpenAPI document that is served: status, problem code and body schema."""

from __future__ import annotations

import json
import re
from typing import Any

import httpx2
from jsonschema import Draft202012Validator

_METHODS = frozenset({"get", "post", "put", "delete"})


class Documentation:
    """The OpenAPI document. ``wrong`` are responses that differ from it, ``succeeded`` operations that succeeded."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.document = document
        self.answers = 0
        self.wrong: set[str] = set()
        self.succeeded: set[str] = set()
        self._validators: dict[str, Draft202012Validator] = {}
        self._templates = {re.compile(re.sub(r"\{[^/]+\}", "[^/]+", path)): path for path in self.document["paths"]}

    @property
    def operations(self) -> set[str]:
        """Every documented operation, such as ``GET /v1/me/card``."""
        return {
            f"{method.upper()} {path}"
            for path, item in self.document["paths"].items()
            for method in item
            if method in _METHODS
        }

    def check(self, response: httpx2.Response) -> None:
        """An event hook of the HTTP client."""
        operation = self._operation_of(response.request)
        if operation is None:
            return
        self.answers += 1
        method, path = operation.split(" ")
        if response.is_success:
            self.succeeded.add(operation)
        documented = self.document["paths"][path][method.lower()]["responses"]
        expected = documented.get(str(response.status_code))
        if expected is None:
            self.wrong.add(f"{operation}: {response.status_code} is not documented")
            return
        response.read()
        kind = response.headers.get("content-type", "").partition(";")[0]
        content = expected.get("content", {})
        if response.content and kind not in content:
            self.wrong.add(f"{operation}: {response.status_code} as {kind} is not documented")
        if kind == "application/problem+json":
            code = response.json()["code"]
            if code not in self.document["paths"][path][method.lower()]["x-problem-codes"]:
                self.wrong.add(f"{operation}: the problem {code} is not documented")
        is_json = kind == "application/json" or kind.endswith("+json")
        if is_json and "schema" in content.get(kind, {}):
            self._check_body(f"{operation}: {response.status_code}", content[kind]["schema"], response.content)

    def _check_body(self, what: str, schema: dict[str, Any], body: bytes) -> None:
        key = json.dumps(schema)
        validator = self._validators.get(key)
        if validator is None:
            validator = Draft202012Validator({**schema, "components": self.document["components"]})
            self._validators[key] = validator
        for error in validator.iter_errors(json.loads(body)):
            place = "/".join(str(step) for step in error.absolute_path if not isinstance(step, int))
            self.wrong.add(f"{what}: {place or 'the body'} breaks its schema ({error.validator})")

    def _operation_of(self, request: httpx2.Request) -> str | None:
        path = request.url.path
        # A fixed path comes before one with parameters: /v1/cards/search is not /v1/cards/{card_id}.
        exact = path if path in self.document["paths"] else None
        template = exact or next((t for pattern, t in self._templates.items() if pattern.fullmatch(path)), None)
        if template is None or request.method.lower() not in self.document["paths"][template]:
            return None
        return f"{request.method} {template}"
