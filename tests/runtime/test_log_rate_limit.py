"""With a broker away aiokafka says so hundreds of times a second; our logs say it seldom, and how often it was."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest
import structlog

from services.runtime import logging as runtime_logging
from services.runtime.log_rate_limit import RateLimitFilter
from services.runtime.settings import RuntimeSettings


def said(message: str, *arguments: object) -> logging.LogRecord:
    return logging.LogRecord("aiokafka", logging.ERROR, "", 0, message, arguments, None)


def test_the_same_thing_is_said_once_in_ten_seconds_and_then_how_often_it_was_held_back() -> None:
    now = 100.0
    seldom = RateLimitFilter(lambda: now)
    assert seldom.filter(said("Unable connect to node with id %s", 1))
    assert not any(seldom.filter(said("Unable connect to node with id %s", node)) for node in (1, 2, 3))
    assert seldom.filter(said("Heartbeat session expired")), "another thing is said at once"
    now = 110.0
    again = said("Unable connect to node with id %s", 1)
    assert seldom.filter(again)
    assert again.__dict__["held_back"] == 3


def test_our_own_logs_are_never_held_back(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    root = logging.getLogger()
    monkeypatch.setattr(root, "handlers", list(root.handlers))
    monkeypatch.setattr(root, "level", root.level)
    settings = RuntimeSettings(kafka="-", mongodb="-", allowances=tmp_path)
    try:
        runtime_logging.configure(settings, "test")
    finally:
        structlog.reset_defaults()
        structlog.contextvars.clear_contextvars()
    for name in ("services.runtime.processing.batch_processor", "aiokafka.client"):
        for _ in range(3):
            logging.getLogger(name).error("the same")
    loggers = [json.loads(line)["logger"] for line in capsys.readouterr().err.splitlines()]
    assert loggers == ["services.runtime.processing.batch_processor"] * 3 + ["aiokafka.client"]
