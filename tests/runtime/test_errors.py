"""What logs and health say of an error."""

from __future__ import annotations

import asyncio
import json
import logging
from typing import Any, Final

import pytest
import structlog
from aiokafka.errors import NotEnoughReplicasError
from bson.errors import InvalidDocument
from pymongo.errors import (
    BulkWriteError,
    DocumentTooLarge,
    OperationFailure,
    ServerSelectionTimeoutError,
)

from services.runtime import logging as runtime_logging
from services.runtime.errors import causes_of, describe
from services.runtime.kafka.topics import MissingTopics
from services.runtime.settings import CommandSettings

SECRET: Final = "Karla Eksempel, 6101011234"
DOCUMENT: Final = {"_id": "card", "name": SECRET}


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (
            BulkWriteError({"writeErrors": [{"code": 10334, "errmsg": SECRET, "op": DOCUMENT}]}),
            "BulkWriteError: code 10334",
        ),
        (OperationFailure(SECRET, code=50, details={"errmsg": SECRET}), "OperationFailure: code 50"),
        (OperationFailure(SECRET, code=50, details={"codeName": SECRET}), "OperationFailure: code 50"),
        (
            OperationFailure(SECRET, code=18, details={"errmsg": SECRET, "codeName": "AuthenticationFailed"}),
            "OperationFailure: code 18 AuthenticationFailed",
        ),
        (InvalidDocument(f"cannot encode object: {SECRET}"), "InvalidDocument"),
        (DocumentTooLarge(f"too large: {SECRET}"), "DocumentTooLarge"),
        (KeyError(SECRET), "KeyError"),
        (ValueError(SECRET), "ValueError"),
    ],
)
def test_the_text_of_an_error_that_may_hold_a_document_is_left_out(error: Exception, text: str) -> None:
    assert describe(error) == text


@pytest.mark.parametrize(
    "error",
    [
        ServerSelectionTimeoutError("127.0.0.1:1: connection refused"),
        ConnectionRefusedError("127.0.0.1:1"),
        NotEnoughReplicasError("earnings/3"),
        MissingTopics("run the topic command"),
    ],
)
def test_the_text_for_operators_is_kept(error: Exception) -> None:
    assert describe(error) == f"{type(error).__name__}: {error}"


def test_the_causes_of_an_error_are_its_types_and_places() -> None:
    found = causes_of(failure())
    assert [one["error"] for one in found] == ["RuntimeError", "KeyError"]
    assert "test_errors.py" in found[1]["places"][-1]
    assert SECRET not in str(found)


def failure() -> Exception:
    error = RuntimeError(SECRET)
    try:
        dict[str, str]()[SECRET]
    except KeyError as cause:
        error.__cause__ = cause
    return error


def test_a_logged_exception_has_types_and_places_and_no_text(capsys: pytest.CaptureFixture[str]) -> None:
    runtime_logging.configure(CommandSettings(), "test")
    try:
        raise failure()
    except RuntimeError:
        structlog.get_logger("ours").exception("runtime.failed")
        logging.getLogger("theirs").exception("it failed")
    printed = capsys.readouterr().err
    ours, theirs = map(json.loads, printed.splitlines())
    for line in (ours, theirs):
        assert [one["error"] for one in line["exception"]] == ["RuntimeError", "KeyError"]
    assert SECRET not in printed


async def test_a_message_that_repeats_an_exception_is_logged_without_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    runtime_logging.configure(CommandSettings(), "test")
    context: dict[str, Any] = {"message": "Task exception was never retrieved", "exception": failure()}
    asyncio.get_running_loop().default_exception_handler({**context, "future": SECRET})
    logging.getLogger("uvicorn.error").error("Traceback (most recent call last):\n%s", SECRET)
    printed = capsys.readouterr().err
    assert [json.loads(line)["event"] for line in printed.splitlines()] == [
        "Task exception was never retrieved",
        "Traceback (most recent call last):",
    ]
    assert SECRET not in printed
