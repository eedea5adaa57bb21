"""Finds breaking changes of the released contracts. A finding names a message type or an operation, and a field.

``OUTPUT`` is what this system sends to readers that tolerate new fields (answers). ``INPUT`` is what it receives
(requests, commands). An event is both: new readers read old records, and old readers read new ones.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from enum import Flag, auto
from pathlib import Path
from typing import Any, Final, NamedTuple

from jsoncompat import check_compat

Schema = dict[str, Any]


class Use(Flag):
    """The direction in which data of a schema travels."""

    OUTPUT = auto()
    INPUT = auto()


EVENT: Final = Use.OUTPUT | Use.INPUT
_LIMITS: Final = ("format", "maxLength", "minLength", "pattern", "minimum", "maximum", "exclusiveMinimum", "maxItems")
_METHODS: Final = frozenset({"get", "put", "post", "delete"})


class Breaking(NamedTuple):
    """A broken promise. ``field`` is a dotted path, empty for the whole."""

    subject: str
    field: str
    reason: str


def broken_by(subject: str, released: Schema, current: Schema, use: Use) -> list[Breaking]:
    """What ``current`` breaks of the message schema ``released``."""
    found = list(_compared(subject, released, current, released, current, use, "", frozenset()))
    if not found and Use.INPUT in use and not _accepts(_closed(released), current, "deserializer"):
        found.append(Breaking(subject, "", "a new reader cannot read old data"))
    if not found and Use.OUTPUT in use and not _accepts(released, _closed(current), "serializer"):
        found.append(Breaking(subject, "", "an old reader cannot read new data"))
    return found


def api_broken_by(released: Schema, current: Schema) -> list[Breaking]:
    """What the OpenAPI document ``current`` breaks of ``released``. Addresses and security schemes may be added."""
    found = [*_servers(released, current), *_security_schemes(released, current)]
    for path, method, old in operations(released):
        new = current["paths"].get(path, {}).get(method)
        name = old["operationId"]
        if new is None or new["operationId"] != name:
            found.append(Breaking(name, "", "the operation is removed or has another address or id"))
        else:
            found += _operation(name, old, new, released, current)
    found += _problem_codes(released, current)
    problem = {"$ref": "#/components/schemas/ProblemResource"}
    found += _compared("ProblemResource", problem, problem, released, current, Use.OUTPUT, "", frozenset())
    return found


def operations(document: Schema) -> Iterator[tuple[str, str, Schema]]:
    """Path, method and operation of every operation."""
    for path, item in document["paths"].items():
        for method, operation in item.items():
            if method in _METHODS:
                yield path, method, operation


def _operation(name: str, old: Schema, new: Schema, released: Schema, current: Schema) -> Iterator[Breaking]:
    yield from _security(
        name, old.get("security", released.get("security")), new.get("security", current.get("security"))
    )
    yield from _parameters(name, old, new, released, current)
    body, new_body = old.get("requestBody", {}).get("content", {}), new.get("requestBody", {}).get("content", {})
    if new_body and not body and new["requestBody"].get("required"):
        yield Breaking(name, "", "a request body is required now")
    yield from _content(name, body, new_body, released, current, Use.INPUT)
    yield from _successes(name, old["responses"], new["responses"], released, current)


def _servers(released: Schema, current: Schema) -> Iterator[Breaking]:
    for url in _urls(released) - _urls(current):
        yield Breaking("servers", url, "the address is removed or changed")


def _urls(document: Schema) -> set[str]:
    return {server["url"] for server in document.get("servers", ())}


def _security_schemes(released: Schema, current: Schema) -> Iterator[Breaking]:
    """A released scheme keeps its name and everything but its description."""
    after = current["components"].get("securitySchemes", {})
    for name, scheme in released["components"].get("securitySchemes", {}).items():
        if name not in after:
            yield Breaking("securitySchemes", name, "the security scheme is removed or renamed")
        elif {**scheme, "description": ""} != {**after[name], "description": ""}:
            yield Breaking("securitySchemes", name, "the security scheme is changed")


def _security(name: str, old: list[Schema] | None, new: list[Schema] | None) -> Iterator[Breaking]:
    """Each released alternative still suffices. No alternatives: no token is needed."""
    for before in old or [{}]:
        if not any(
            all(scheme in before and set(scopes) <= set(before[scheme]) for scheme, scopes in after.items())
            for after in new or [{}]
        ):
            yield Breaking(name, "security", "released credentials no longer suffice")


def _parameters(name: str, old: Schema, new: Schema, released: Schema, current: Schema) -> Iterator[Breaking]:
    before = {(p["in"], p["name"]): p for p in old.get("parameters", ())}
    after = {(p["in"], p["name"]): p for p in new.get("parameters", ())}
    for key, parameter in before.items():
        if key not in after:
            yield Breaking(name, key[1], "the parameter is removed")
        else:
            one, other = parameter["schema"], after[key]["schema"]
            yield from _compared(name, one, other, released, current, Use.INPUT, key[1], frozenset())
            if not parameter.get("required") and one.get("default") != other.get("default"):
                yield Breaking(name, key[1], "the default is changed")
    for key, parameter in after.items():
        if parameter.get("required") and not before.get(key, {}).get("required"):
            yield Breaking(name, key[1], "the parameter is required now")


def _successes(name: str, old: Schema, new: Schema, released: Schema, current: Schema) -> Iterator[Breaking]:
    """Compare the answers below 400. Problems share one form and one list of codes, which are compared once."""
    for status, response in old.items():
        if int(status) >= 400:
            continue
        if status not in new:
            yield Breaking(name, status, "the answer is removed")
            continue
        answer = new[status]
        for header in response.get("headers", {}).keys() - answer.get("headers", {}).keys():
            yield Breaking(name, header, "the header is removed")
        yield from _content(name, response.get("content", {}), answer.get("content", {}), released, current, Use.OUTPUT)
    for status in new.keys() - old.keys():
        if int(status) < 400:
            yield Breaking(name, status, "released clients do not know the answer")


def _problem_codes(released: Schema, current: Schema) -> Iterator[Breaking]:
    """Clients handle problems by code: a code keeps its status, and no released code disappears from the whole API.

    An operation may get further codes and lose codes that other operations keep.
    """
    before, after = _statuses(released), _statuses(current)
    for code, statuses in before.items():
        if code not in after:
            yield Breaking("ProblemResource", code, "the problem code is removed or renamed")
        elif after[code] != statuses:
            yield Breaking("ProblemResource", code, f"the status was {sorted(statuses)} and is {sorted(after[code])}")


def _statuses(document: Schema) -> dict[str, set[str]]:
    """The statuses with which operations answer each problem code."""
    found: dict[str, set[str]] = {}
    for _, _, operation in operations(document):
        for status, response in operation["responses"].items():
            for code in response.get("content", {}).get("application/problem+json", {}).get("examples", {}):
                found.setdefault(code, set()).add(status)
    return found


def _content(name: str, old: Schema, new: Schema, released: Schema, current: Schema, use: Use) -> Iterator[Breaking]:
    for media_type, content in old.items():
        if media_type not in new:
            yield Breaking(name, media_type, "the media type is removed")
        else:
            one, other = content.get("schema", {}), new[media_type].get("schema", {})
            yield from _compared(name, one, other, released, current, use, "", frozenset())


def _compared(
    subject: str, old: Schema, new: Schema, released: Schema, current: Schema, use: Use, path: str, seen: frozenset[str]
) -> Iterator[Breaking]:
    """Compare two schemas; references lead into the documents ``released`` and ``current``."""
    if (reference := old.get("$ref")) is not None:
        if reference in seen:
            return
        seen |= {reference}
    old, new = _resolved(old, released), _resolved(new, current)
    for reason in _leaf(old, new, use):
        yield Breaking(subject, path, reason)
    for key in ("anyOf", "oneOf", "allOf"):
        if key in old and key in new:
            for one, other in _pairs(old[key], new[key]):
                yield from _compared(subject, one, other, released, current, use, path, seen)
    for key in ("items", "additionalProperties"):
        if isinstance(old.get(key), dict) and isinstance(new.get(key), dict):
            yield from _compared(subject, old[key], new[key], released, current, use, path, seen)
    if "properties" in old or "properties" in new:
        yield from _properties(subject, old, new, released, current, use, path, seen)


def _pairs(old: list[Schema], new: list[Schema]) -> Iterator[tuple[Schema, Schema]]:
    """The alternatives of two unions that have the same reference or type, whatever their order."""
    after = {_name(option): option for option in new}
    return ((option, after[_name(option)]) for option in old if _name(option) in after)


def _name(option: Schema) -> str:
    return str(option.get("$ref") or option.get("title") or option.get("type"))


def _properties(
    subject: str, old: Schema, new: Schema, released: Schema, current: Schema, use: Use, path: str, seen: frozenset[str]
) -> Iterator[Breaking]:
    before, after = old.get("properties", {}), new.get("properties", {})
    was_required, is_required = set(old.get("required", ())), set(new.get("required", ()))
    for field, schema in before.items():
        at = f"{path}.{field}".lstrip(".")
        if field not in after:
            yield Breaking(subject, at, "the field is removed")
            continue
        if Use.INPUT in use and field in is_required - was_required:
            yield Breaking(subject, at, "the field is required now")
        if Use.OUTPUT in use and field in was_required - is_required:
            yield Breaking(subject, at, "the field may be absent now")
        if Use.INPUT in use and field not in was_required and schema.get("default") != after[field].get("default"):
            yield Breaking(subject, at, "the default is changed")
        yield from _compared(subject, schema, after[field], released, current, use, at, seen)
    for field in after.keys() - before.keys():
        at = f"{path}.{field}".lstrip(".")
        if Use.INPUT in use and field in is_required:
            yield Breaking(subject, at, "a new field is required")
        if Use.OUTPUT in use and old.get("additionalProperties") is False:
            yield Breaking(subject, at, "released readers refuse a new field here")


def _leaf(old: Schema, new: Schema, use: Use) -> Iterator[str]:
    """Compare two schemas without their parts.

    Readers parse by ``format``, so an answer keeps it. Its bounds may change: readers do not rely on them.
    """
    one, other = _types(old), _types(new)
    if (Use.INPUT in use and one - other) or (Use.OUTPUT in use and other - one):
        yield f"the type was {sorted(one)} and is {sorted(other)}"
    before, after = _values(old), _values(new)
    if before is not None and after is not None:
        if before - after:
            yield f"the values {sorted(before - after)} are removed"
        if Use.OUTPUT in use and after - before:
            yield f"released readers do not know the values {sorted(after - before)}"
    elif (before is None) != (after is None) and (Use.INPUT in use if before is None else Use.OUTPUT in use):
        yield "the list of values is new or removed"
    yield from _bounds(old, new, use)


def _bounds(old: Schema, new: Schema, use: Use) -> Iterator[str]:
    if new.get("additionalProperties") is False and old.get("additionalProperties") is not False:
        yield "further fields are refused now"
    if Use.OUTPUT in use and "format" in old and old["format"] != new.get("format"):
        yield "format is removed or changed"
    if Use.INPUT in use:
        for limit in _LIMITS:
            if limit in new and old.get(limit) != new[limit]:
                yield f"{limit} is new or changed"


def _types(schema: Schema) -> set[str]:
    found = schema.get("type")
    if isinstance(found, str):
        return {found}
    options = [option for key in ("anyOf", "oneOf") for option in schema.get(key, ())]
    return {kind for option in options for kind in (_types(option) or {str(option.get("$ref"))})}


def _values(schema: Schema) -> set[str] | None:
    if "const" in schema:
        return {str(schema["const"])}
    return {str(value) for value in schema["enum"]} if "enum" in schema else None


def _resolved(schema: Schema, document: Mapping[str, Any]) -> Schema:
    while "$ref" in schema:
        found: Any = document
        for step in schema["$ref"].removeprefix("#/").split("/"):
            found = found[step]
        schema = found
    return schema


def _accepts(old: Schema, new: Schema, role: Any) -> bool:
    verdict: bool = check_compat(json.dumps(_without_id(old)), json.dumps(_without_id(new)), role)
    return verdict


def _without_id(schema: Schema) -> Schema:
    return {name: part for name, part in schema.items() if name != "$id"}


def _closed(schema: Schema) -> Schema:
    """``schema`` without room for other fields: a writer sends exactly those that it knows."""
    closed: Schema = json.loads(json.dumps(schema))
    for part in (closed, *closed.get("$defs", {}).values()):
        if "properties" in part:
            part.setdefault("additionalProperties", False)
    return closed


def read(path: Path) -> Schema:
    """The JSON document at ``path``."""
    schema: Schema = json.loads(path.read_text(encoding="utf-8"))
    return schema
