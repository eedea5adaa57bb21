"""Starts a process of the chart with its environment, up to the point where it would connect."""

from __future__ import annotations

import hashlib
import json
import runpy
from base64 import b64encode
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple
from unittest.mock import patch

from frikort_contracts.authorities import FEEDS
from joserfc.jwk import ECKey
from pydantic_settings import BaseSettings

from services.runtime.processing.decision import DocumentSet
from tests.deploy.helm.chart import Workload


class Started(NamedTuple):
    """What the ``__main__`` of a process gave to the runtime."""

    service: str
    settings: BaseSettings
    processors: Sequence[DocumentSet[Any]]


class _StopsHereError(Exception):
    """Ends a ``__main__`` where the process would start to serve."""


def start(workload: Workload, directory: Path) -> Started:
    """Run the process's ``__main__`` with the environment of the chart. Raises what the process raises at its start.

    Secrets are random, and the files that the chart mounts are in ``directory``.
    """
    found: list[Started] = []

    def stop(*, service: str, settings: BaseSettings, processors: Sequence[DocumentSet[Any]] = (), **_: Any) -> None:
        found.append(Started(service, settings, processors))
        raise _StopsHereError

    with (
        patch.dict("os.environ", environment_of(workload, directory), clear=True),
        patch("services.runtime.logging.configure"),
        patch("services.runtime.starting.report_settings"),
        patch("services.runtime.web.server.run", stop),
        patch("services.runtime.service.Runtime", stop),
        suppress(_StopsHereError),
    ):
        runpy.run_module(module_of(workload), run_name="__main__")
    (started,) = found
    return started


def module_of(workload: Workload) -> str:
    """The module that the container starts."""
    python, option, module, *_ = workload.container["command"]
    assert (python, option) == ("python", "-m")
    return str(module)


def environment_of(workload: Workload, directory: Path) -> dict[str, str]:
    """The environment of the container, with random secrets and with mounted files in ``directory``."""
    mounts = [mount["mountPath"] for mount in workload.container["volumeMounts"] if mount.get("readOnly")]
    return {name: _value(name, value, mounts, directory) for name, value in workload.environment.items()}


def _value(name: str, value: str | Mapping[str, Any], mounts: Sequence[str], directory: Path) -> str:
    if not isinstance(value, str):
        key = b64encode(hashlib.sha256(name.encode()).digest()).decode()
        return key if name == "FRIKORT_LOOKUP_KEY" else f"k1:{key}"
    mount = next((mount for mount in mounts if value.startswith(f"{mount}/") or value == mount), None)
    if mount is None:
        return value
    path = directory / value.removeprefix("/")
    if value == mount:
        path.mkdir(parents=True, exist_ok=True)
    else:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(_content(name), encoding="utf-8")
    return str(path)


def _content(name: str) -> str:
    if name == "FRIKORT_AUTHORITY_KEYS":
        key = ECKey.generate_key("P-256").as_dict(private=False)
        return json.dumps({feed.name: key for feed in FEEDS if feed.cpr})
    return hashlib.sha256(name.encode()).hexdigest()
