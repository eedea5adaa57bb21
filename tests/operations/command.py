"""Runs a command of operators in a process forked from one that has already imported it.

The import takes most of the time of the command.
"""

from __future__ import annotations

import io
import multiprocessing
import os
import shlex
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from deploy.backup.__main__ import main as backup
from deploy.mongodb.__main__ import main as users
from services.exports.jobs import JOB_KINDS as OF_EXPORTS
from services.exports.rebuild import main as of_exports
from services.gateway.audit.__main__ import main as audit_log
from services.gateway.keys import main as keys
from services.gateway.projections.rebuild import main as read_models
from services.issuance.jobs import JOB_KINDS as OF_ISSUANCE
from services.runtime.document_jobs import main as jobs
from services.runtime.kafka.dead_letters.__main__ import main as dead_letters
from services.runtime.kafka.topics.__main__ import main as topics
from services.runtime.years.__main__ import main as years

Main = Callable[[Sequence[str]], int]

AUDIT_LOG: Final[Main] = audit_log
DEAD_LETTERS: Final[Main] = dead_letters
KEYS: Final[Main] = keys
REBUILD_EXPORTS: Final[Main] = of_exports
REBUILD_READ_MODELS: Final[Main] = read_models
YEARS: Final[Main] = years


def _exports_jobs(arguments: Sequence[str]) -> int:
    return jobs("exports", OF_EXPORTS, arguments)


def _issuance_jobs(arguments: Sequence[str]) -> int:
    return jobs("issuance", OF_ISSUANCE, arguments)


def _balance_jobs(arguments: Sequence[str]) -> int:
    return jobs("balance", (), arguments)


_MODULES: Final[Mapping[str, Main]] = {
    "deploy.backup": backup,
    "deploy.mongodb": users,
    "services.balance.jobs": _balance_jobs,
    "services.exports.jobs": _exports_jobs,
    "services.exports.rebuild": of_exports,
    "services.gateway.audit": audit_log,
    "services.gateway.keys": keys,
    "services.gateway.projections.rebuild": read_models,
    "services.issuance.jobs": _issuance_jobs,
    "services.runtime.kafka.dead_letters": dead_letters,
    "services.runtime.kafka.topics": topics,
    "services.runtime.years": years,
}
"""The commands of the operations page by their modules, as ``python -m`` runs them."""
_FORKS: Final = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload([__name__])


def run(main: Main, arguments: Sequence[str], environment: Mapping[str, str], given: str = "") -> tuple[int, str, str]:
    """Run one command in a separate process, with ``given`` as its standard input.

    Returns its exit code, standard output and standard error.
    """
    with TemporaryDirectory() as directory:
        out, err = Path(directory, "out"), Path(directory, "err")
        process = _FORKS.Process(target=_command, args=(main, list(arguments), dict(environment), given, out, err))
        process.start()
        process.join()
        assert process.exitcode is not None
        return process.exitcode, out.read_text(), err.read_text()


def run_line(line: str, environment: Mapping[str, str]) -> tuple[int, str, str]:
    """Run a line such as ``python -m services.runtime.years list``, as ``run`` does."""
    python, option, module, *arguments = shlex.split(line)
    assert (python, option) == ("python", "-m")
    return run(_MODULES[module], arguments, environment)


def _command(main: Main, arguments: list[str], environment: dict[str, str], given: str, out: Path, err: Path) -> None:
    os.environ.clear()
    os.environ.update(environment)
    sys.stdin = io.StringIO(given)
    for stream, path in ((1, out), (2, err)):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT), stream)
    raise SystemExit(main(arguments))
