"""What logs and health say of an error. Its text is left out where it can hold a document, and so a person's data.

A driver's error repeats the documents that it could not write, and an error of our code may repeat any value. Errors
that are raised with a text for operators keep it: ours, Kafka's, and those of a connection.
"""

from __future__ import annotations

import re
import traceback
from typing import Any, Final

_MOST_PLACES: Final = 12
# Classes of pymongo, by name: processing imports no driver.
_CODE_NAME: Final = re.compile(r"[A-Za-z0-9]{1,60}")  # such as AuthenticationFailed
_CONNECTION_FAILURES: Final = frozenset({"ConnectionFailure", "WaitQueueTimeoutError"})


def describe(error: BaseException) -> str:
    """One line: the type of the error, and its text or its codes."""
    name = type(error).__name__
    if text := (str(error) if _has_a_text_for_operators(error) else ", ".join(_codes_of(error))):
        return f"{name}: {text}"
    return name


def places_of(error: BaseException) -> list[str]:
    """Where the error was raised: the innermost calls last."""
    frames = traceback.extract_tb(error.__traceback__)
    return [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames][-_MOST_PLACES:]


def causes_of(error: BaseException) -> list[dict[str, Any]]:
    """The error and what it followed from, each with its type and places."""
    found: list[dict[str, Any]] = []
    seen: set[int] = set()
    following: BaseException | None = error
    while following is not None and id(following) not in seen:
        seen.add(id(following))
        found.append({"error": describe(following), "places": places_of(following)})
        hidden = following.__suppress_context__
        following = following.__cause__ or (None if hidden else following.__context__)
    return found


def _has_a_text_for_operators(error: BaseException) -> bool:
    classes = type(error).__mro__
    return (
        isinstance(error, OSError)
        or type(error).__module__.partition(".")[0] in {"services", "deploy", "aiokafka"}
        or any(one.__module__ == "pymongo.errors" and one.__name__ in _CONNECTION_FAILURES for one in classes)
    )


def _codes_of(error: BaseException) -> list[str]:
    """The codes of a driver's error, such as 10334 for a document that is too large, and MongoDB's name of one."""
    details = getattr(error, "details", None)
    answer = details if isinstance(details, dict) else {}
    codes = {one["code"] for one in answer.get("writeErrors", [])}
    if codes:
        return [f"code {code}" for code in sorted(codes)]
    code, name = getattr(error, "code", None), str(answer.get("codeName", ""))
    if not isinstance(code, int):
        return []
    return [f"code {code} {name}" if _CODE_NAME.fullmatch(name) else f"code {code}"]
