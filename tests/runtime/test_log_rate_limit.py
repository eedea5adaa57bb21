"""A repeated message of aiokafka is logged once in ten seconds; without a broker it logs hundreds a second."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest

from services.runtime import logging as runtime_logging
from services.runtime.log_rate_limit import RateLimitFilter
from services.runtime.settings import RuntimeSettings


def log_record(message: str, *arguments: object) -> logging.LogRecord:
    return logging.LogRecord("aiokafka", logging.ERROR, "", 0, message, arguments, None)


def test_a_repeated_message_is_logged_once_in_ten_seconds_with_the_number_of_suppressed_ones() -> None:
    now = 100.0
    rate_limit = RateLimitFilter(lambda: now)
    assert rate_limit.filter(log_record("Unable connect to node with id %s", 1))
    assert not any(rate_limit.filter(log_record("Unable connect to node with id %s", node)) for node in (1, 2, 3))
    assert rate_limit.filter(log_record("Heartbeat session expired")), "another message is logged at once"
    now = 110.0
    repeated = log_record("Unable connect to node with id %s", 1)
    assert rate_limit.filter(repeated)
    assert repeated.__dict__["suppressed"] == 3


def test_logs_of_our_own_modules_are_not_limited(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    settings = RuntimeSettings(kafka="-", mongodb="-", allowances=tmp_path)
    runtime_logging.configure(settings, "test")
    for name in ("services.runtime.processing.batch_processor", "aiokafka.client"):
        for _ in range(3):
            logging.getLogger(name).error("the same")
    loggers = [json.loads(line)["logger"] for line in capsys.readouterr().err.splitlines()]
    assert loggers == ["services.runtime.processing.batch_processor"] * 3 + ["aiokafka.client"]
