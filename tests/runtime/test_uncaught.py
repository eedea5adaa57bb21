"""What no code catches is a line of JSON too."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Final

_FAILS: Final = """
import threading, warnings
from services.runtime import logging
from services.runtime.settings import CommandSettings
logging.configure(CommandSettings(), "test")
logging.log_uncaught()
warnings.warn("a warning of a library", stacklevel=1)
def fails():
    raise ValueError("0101901234 stands for anything private")
class Fails:
    def __del__(self):
        fails()
Fails()
thread = threading.Thread(target=fails)
thread.start()
thread.join()
fails()
"""


def test_an_uncaught_error_and_a_warning_are_lines_of_json_without_the_text_of_the_error() -> None:
    result = subprocess.run([sys.executable, "-c", _FAILS], capture_output=True, text=True, check=False)
    lines = [json.loads(line) for line in result.stderr.splitlines()]
    assert result.returncode == 1
    assert [line.get("place") for line in lines if line["event"] == "runtime.uncaught"] == ["cleanup", "thread", "main"]
    assert [line["logger"] for line in lines if line["event"] != "runtime.uncaught"] == ["py.warnings"]
    assert {line["service"] for line in lines} == {"test"}
    assert "0101901234" not in result.stderr
    assert all(line["exception"][0]["error"] == "ValueError" for line in lines if line["event"] == "runtime.uncaught")
