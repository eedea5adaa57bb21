"""Whether a changed schema still fits what is already on the topics.

A writer writes exactly the fields that it knows, so "data of a schema" is the schema with every object closed. Events
are read by many and each service is upgraded alone: new readers must read old data and old readers new data. Commands
have one reader, which is upgraded before the gateway that writes: it must read old data.
"""

from __future__ import annotations

import json
from copy import deepcopy
from pathlib import Path
from typing import Any, Literal

from jsoncompat import check_compat

Schema = dict[str, Any]


def broken_by(released: Schema, current: Schema, *, is_command: bool) -> list[str]:
    """The promises that ``current`` breaks towards ``released``; none is compatible."""
    broken = []
    if not _compatible(_data_of(released), current, "deserializer"):
        broken.append("a new reader cannot read old data")
    if not is_command and not _compatible(released, _data_of(current), "serializer"):
        broken.append("an old reader cannot read new data")
    return broken


def missing_from(released: Path, types: set[str]) -> set[str]:
    """Released message types that are no more: their records are still on the topics."""
    return {path.stem for path in released.glob("*.json")} - types


def _compatible(old: Schema, new: Schema, role: Literal["serializer", "deserializer"]) -> bool:
    verdict: bool = check_compat(json.dumps(_without_id(old)), json.dumps(_without_id(new)), role)
    return verdict


def _without_id(schema: Schema) -> Schema:
    return {name: part for name, part in schema.items() if name != "$id"}


def _data_of(schema: Schema) -> Schema:
    closed = deepcopy(schema)
    for part in (closed, *closed.get("$defs", {}).values()):
        if "properties" in part:
            part.setdefault("additionalProperties", False)
    return closed
