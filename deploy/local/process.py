"""Child processes that never outlive the launcher."""

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
# Then the kernel kills the child when whoever started it dies, however that happens (prctl(2), PR_SET_PDEATHSIG).
_DIE_WITH_LAUNCHER = ("setpriv", "--pdeathsig", "KILL", "--")

# "Whoever started it" is a *thread*, so one that lasts starts them all: a test or a chaos harness may
# restart a process from a short-lived thread of its own.
_spawner = ThreadPoolExecutor(max_workers=1, thread_name_prefix="spawner")


class Process:
    """One child process with its own log file.

    It runs in a session of its own, so that Ctrl-C reaches the launcher alone, which then takes
    everything down in order; should the launcher itself be killed, the kernel kills the child.
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
        """When it was started last, on the clock of `time.monotonic()`."""

    @property
    def pid(self) -> int:
        """The process id of the latest start.

        Raises:
            RuntimeError: it was never started.
        """
        return self._started().pid

    @property
    def alive(self) -> bool:
        """Whether it runs now."""
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
        """Wait until its readiness check holds.

        Raises:
            LauncherError: it ended before, or its time ran out; carries the tail of its log.
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
        """Run it to its end.

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
        """SIGKILL, and wait until it is gone."""
        if self._child is not None:
            self.send(signal.SIGKILL)
            self._child.wait()

    def terminate(self) -> int | None:
        """SIGTERM, wait for its stop deadline, then SIGKILL. Returns the exit code, None if never started."""
        if self._child is None:
            return None
        self.send(signal.SIGTERM)
        try:
            self._child.wait(self._stop_seconds)
        except subprocess.TimeoutExpired:
            self.kill()
        return self.exit_code

    def restart(self) -> None:
        """Terminate it if it runs, start it again at the same address, and wait until it is ready."""
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
    """Terminate them side by side, so that one slow stop does not add to another."""
    for process in processes:
        process.send(signal.SIGTERM)
    for process in processes:
        process.terminate()
