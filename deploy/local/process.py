"""Child processes that end when the launcher ends."""

from __future__ import annotations

import math
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from deploy.local.errors import LauncherError

_POLL_SECONDS = 0.05
_START_TIMEOUT = "FRIKORT_START_TIMEOUT"
_DEFAULT_START_TIMEOUT = 180.0
# The kernel kills the child when the parent that started it ends for any reason (prctl(2), PR_SET_PDEATHSIG).
_DIE_WITH_LAUNCHER = ("setpriv", "--pdeathsig", "KILL", "--")

# That parent is a *thread*, so one long-lived thread starts all children: tests and chaos rounds restart processes
# from short-lived threads.
_spawner = ThreadPoolExecutor(max_workers=1, thread_name_prefix="spawner")


def start_timeout() -> float:
    """Seconds that a process gets to become ready: FRIKORT_START_TIMEOUT, or 180. The services get it too.

    Raises:
        LauncherError: FRIKORT_START_TIMEOUT is not a positive number.
    """
    given = os.environ.get(_START_TIMEOUT, "")
    try:
        seconds = float(given or _DEFAULT_START_TIMEOUT)
    except ValueError:
        seconds = 0
    if not 0 < seconds < math.inf:
        raise LauncherError(
            f"{_START_TIMEOUT} is {given!r}, which is not a number of seconds.",
            f"Set it to a number such as 600, or unset it for {_DEFAULT_START_TIMEOUT:.0f}.",
        )
    return seconds


def too_slow(seconds: float) -> str:
    """What to do about a process that was not ready after so many seconds."""
    return f"If this machine is only slow, set {_START_TIMEOUT} to more seconds, such as {max(2 * seconds, 1):.0f}."


class Process:
    """One child process with its own log file.

    It runs in its own session, so that Ctrl-C reaches only the launcher, which stops all children in order. If the
    launcher is killed, the kernel kills the child.
    """

    def __init__(
        self,
        name: str,
        argv: Sequence[str],
        *,
        log: Path,
        environment: Mapping[str, str] | None = None,
        directory: Path | None = None,
        ready: Callable[[], bool] = lambda: True,
        stop_seconds: float = 10,
    ) -> None:
        """`ready` is the readiness check; it has `start_timeout()` seconds to return True."""
        self.name = name
        self.argv = list(argv)
        self.log = log
        self._environment = dict(os.environ if environment is None else environment)
        self._directory = directory
        self._ready = ready
        self._stop_seconds = stop_seconds
        self._child: subprocess.Popen[bytes] | None = None
        self._log_start = 0
        self.started_at = 0.0
        """Time of the latest start, from `time.monotonic()`."""

    @property
    def pid(self) -> int:
        """Process id of the latest start.

        Raises:
            RuntimeError: it was never started.
        """
        return self._started().pid

    @property
    def alive(self) -> bool:
        """Whether it is running."""
        return self._child is not None and self._child.poll() is None

    @property
    def exit_code(self) -> int | None:
        """The exit code (negative: the signal), or None while it runs or before it was started."""
        return None if self._child is None else self._child.poll()

    def start(self) -> None:
        """Start it and return at once; `wait_ready` waits."""
        if self.alive:
            raise RuntimeError(f"{self.name} runs already")
        self.log.parent.mkdir(parents=True, exist_ok=True)
        self.started_at = time.monotonic()
        self._log_start = self.log.stat().st_size if self.log.exists() else 0
        self._child = _spawner.submit(self._spawn).result()

    def _spawn(self) -> subprocess.Popen[bytes]:
        with self.log.open("ab") as log:
            return subprocess.Popen(
                [*_DIE_WITH_LAUNCHER, *self.argv],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=self._environment,
                cwd=self._directory,
                start_new_session=True,
            )

    def wait_ready(self) -> None:
        """Wait until its readiness check returns True.

        Raises:
            LauncherError: it ended first, or was not ready in time; has the last lines of its log since it was started.
        """
        seconds = start_timeout()
        deadline = time.monotonic() + seconds
        while True:
            if not self.alive:
                raise self._error(f"{self.name} ended at start with exit code {self.exit_code}.")
            if self._ready():
                return
            if time.monotonic() > deadline:
                raise self._error(f"{self.name} was not ready after {seconds:g} s.", too_slow(seconds))
            time.sleep(_POLL_SECONDS)

    def run(self) -> None:
        """Start it and wait until it ends.

        Raises:
            LauncherError: it failed, or did not end within `start_timeout()` seconds.
        """
        seconds = start_timeout()
        self.start()
        try:
            code = self._started().wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise self._error(f"{self.name} did not end within {seconds:g} s.", too_slow(seconds)) from None
        if code != 0:
            raise self._error(f"{self.name} failed with exit code {code}.")

    def send(self, signum: signal.Signals) -> None:
        """Send it a signal, for example SIGSTOP and SIGCONT."""
        if self.alive:
            os.kill(self.pid, signum)

    def kill(self) -> None:
        """Send SIGKILL and wait until it has ended."""
        if self._child is not None:
            self.send(signal.SIGKILL)
            self._child.wait()

    def terminate(self) -> int | None:
        """Send SIGTERM, and SIGKILL after its stop deadline. Returns the exit code, or None if it was never started."""
        if self._child is None:
            return None
        self.send(signal.SIGTERM)
        try:
            self._child.wait(self._stop_seconds)
        except subprocess.TimeoutExpired:
            self.kill()
        return self.exit_code

    def restart(self) -> None:
        """Terminate it if it is running, start it again at the same address, and wait until it is ready."""
        if self.alive:
            self.terminate()
        self.start()
        self.wait_ready()

    def log_tail(self, lines: int = 20) -> str:
        """The last lines of its log since its latest start."""
        try:
            with self.log.open("rb") as log:
                log.seek(self._log_start)
                return "\n".join(log.read().decode(errors="replace").splitlines()[-lines:])
        except FileNotFoundError:
            return ""

    def _started(self) -> subprocess.Popen[bytes]:
        if self._child is None:
            raise RuntimeError(f"{self.name} was never started")
        return self._child

    def _error(self, what: str, remedy: str = "") -> LauncherError:
        return LauncherError(what, f"{remedy} Its log says why: {self.log}".lstrip(), self.log_tail())


def terminate_all(processes: Sequence[Process]) -> None:
    """Terminate all at the same time; the total is the time of the slowest."""
    for process in processes:
        process.send(signal.SIGTERM)
    for process in processes:
        process.terminate()
