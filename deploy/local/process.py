"""Child processes that end when the launcher ends."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from deploy.local.errors import LauncherError

_POLL_SECONDS = 0.05
# The kernel kills the child when the parent that started it ends for any reason (prctl(2), PR_SET_PDEATHSIG).
_DIE_WITH_LAUNCHER = ("setpriv", "--pdeathsig", "KILL", "--")

# That parent is a *thread*, so one long-lived thread starts all children: tests and chaos rounds restart processes
# from short-lived threads.
_spawner = ThreadPoolExecutor(max_workers=1, thread_name_prefix="spawner")


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
        ready_seconds: float = 60,
        stop_seconds: float = 10,
    ) -> None:
        self.name = name
        self.argv = list(argv)
        self.log = log
        self._environment = dict(os.environ if environment is None else environment)
        self._directory = directory
        self._ready = ready
        self._ready_seconds = ready_seconds
        self._stop_seconds = stop_seconds
        self._child: subprocess.Popen[bytes] | None = None
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
            LauncherError: it ended first, or was not ready in time; has the last lines of its log.
        """
        deadline = time.monotonic() + self._ready_seconds
        while True:
            if not self.alive:
                raise self._error(f"{self.name} ended at start with exit code {self.exit_code}.")
            if self._ready():
                return
            if time.monotonic() > deadline:
                raise self._error(f"{self.name} was not ready after {self._ready_seconds:.0f} s.")
            time.sleep(_POLL_SECONDS)

    def run(self, seconds: float) -> None:
        """Start it and wait until it ends.

        Raises:
            LauncherError: it failed, or did not end within `seconds`.
        """
        self.start()
        try:
            code = self._started().wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise self._error(f"{self.name} did not end within {seconds:.0f} s.") from None
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
        """The last lines of its log."""
        try:
            return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])
        except FileNotFoundError:
            return ""

    def _started(self) -> subprocess.Popen[bytes]:
        if self._child is None:
            raise RuntimeError(f"{self.name} was never started")
        return self._child

    def _error(self, what: str) -> LauncherError:
        return LauncherError(what, f"Its log says why: {self.log}", self.log_tail())


def terminate_all(processes: Sequence[Process]) -> None:
    """Terminate all at the same time; the total is the time of the slowest."""
    for process in processes:
        process.send(signal.SIGTERM)
    for process in processes:
        process.terminate()
