"""Child processes of the launcher are started, killed and restarted, and none outlives the launcher."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from deploy.local.config import REPOSITORY
from deploy.local.errors import LauncherError
from deploy.local.process import Process, start_timeout

SLEEPER = "import time; print('awake', flush=True); time.sleep(600)"
LAUNCHER = f"""
from pathlib import Path
import sys, time
from deploy.local.process import Process
child = Process("child", [sys.executable, "-c", {SLEEPER!r}], log=Path(sys.argv[1]))
child.start()
while "awake" not in child.log_tail():
    time.sleep(0.02)
print(child.pid, flush=True)
time.sleep(600)
"""


@pytest.fixture
def sleeper(tmp_path: Path) -> Iterator[Process]:
    log = tmp_path / "sleeper.log"
    process = Process("sleeper", [sys.executable, "-c", SLEEPER], log=log, ready=lambda: "awake" in log.read_text())
    yield process
    process.kill()


def gone(pid: int) -> bool:
    """Whether no process with this id is running (a zombie is not running)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


def eventually(holds: Callable[[], bool], seconds: float = 10) -> bool:
    """Whether a condition becomes true in time."""
    deadline = time.monotonic() + seconds
    while not holds() and time.monotonic() < deadline:
        time.sleep(0.02)
    return holds()


def test_a_process_is_started_killed_and_restarted(sleeper: Process) -> None:
    sleeper.start()
    sleeper.wait_ready()
    first = sleeper.pid
    sleeper.kill()
    assert sleeper.exit_code == -signal.SIGKILL
    assert gone(first)
    sleeper.restart()
    assert sleeper.alive
    assert sleeper.pid != first


def test_terminate_kills_after_its_deadline(tmp_path: Path) -> None:
    log = tmp_path / "stubborn.log"
    script = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {SLEEPER}"
    stubborn = Process(
        "stubborn",
        [sys.executable, "-c", script],
        log=log,
        ready=lambda: "awake" in log.read_text(),
        stop_seconds=0.2,
    )
    stubborn.start()
    stubborn.wait_ready()
    assert stubborn.terminate() == -signal.SIGKILL


def test_an_end_at_start_is_reported_with_the_log(tmp_path: Path) -> None:
    doomed = Process("doomed", [sys.executable, "-c", "raise SystemExit('no such topic')"], log=tmp_path / "log")
    with pytest.raises(LauncherError, match=r"doomed failed with exit code 1.*log") as caught:
        doomed.run()
    assert "no such topic" in caught.value.log_tail


def test_a_process_that_is_not_ready_in_time_is_reported_with_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FRIKORT_START_TIMEOUT", "0.2")
    slow = Process("slow", [sys.executable, "-c", SLEEPER], log=tmp_path / "log", ready=lambda: False)
    slow.start()
    with pytest.raises(LauncherError, match=r"slow was not ready after 0\.2 s\..*set FRIKORT_START_TIMEOUT"):
        slow.wait_ready()
    slow.kill()


def test_a_run_that_takes_too_long_is_killed_and_reported_with_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FRIKORT_START_TIMEOUT", "0.2")
    endless = Process("endless", [sys.executable, "-c", SLEEPER], log=tmp_path / "log")
    with pytest.raises(LauncherError, match=r"endless did not end within 0\.2 s\..*set FRIKORT_START_TIMEOUT"):
        endless.run()
    assert not endless.alive


def test_a_slow_machine_has_three_minutes_for_each_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FRIKORT_START_TIMEOUT", raising=False)
    assert start_timeout() == 180
    monkeypatch.setenv("FRIKORT_START_TIMEOUT", "600")
    assert start_timeout() == 600


@pytest.mark.parametrize("given", ["five minutes", "0", "-1", "nan", "inf"])
def test_a_timeout_that_is_no_number_of_seconds_is_refused(monkeypatch: pytest.MonkeyPatch, given: str) -> None:
    monkeypatch.setenv("FRIKORT_START_TIMEOUT", given)
    with pytest.raises(LauncherError, match=r"FRIKORT_START_TIMEOUT is .* not a number of seconds"):
        start_timeout()


def test_an_error_shows_only_the_log_of_this_start(tmp_path: Path) -> None:
    log = tmp_path / "log"
    for text in ("the disk is full", "the port is taken"):
        doomed = Process("doomed", [sys.executable, "-c", f"raise SystemExit({text!r})"], log=log)
        with pytest.raises(LauncherError) as caught:
            doomed.run()
        assert caught.value.log_tail == text
    assert log.read_text().splitlines() == ["the disk is full", "the port is taken"]


def test_a_process_outlives_the_thread_that_started_it(sleeper: Process) -> None:
    thread = threading.Thread(target=sleeper.start)
    thread.start()
    thread.join()
    sleeper.wait_ready()
    assert not eventually(lambda: gone(sleeper.pid), seconds=0.5)


def test_a_process_ends_with_a_killed_launcher(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", LAUNCHER, str(tmp_path / "log")], stdout=subprocess.PIPE, cwd=REPOSITORY, text=True
    ) as launcher:
        assert launcher.stdout is not None
        child = int(launcher.stdout.readline())
        assert not gone(child)
        os.kill(launcher.pid, signal.SIGKILL)
    assert eventually(lambda: gone(child))
