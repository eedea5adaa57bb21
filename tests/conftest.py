"""Fixtures for all tests: a real system and real engines, started once per session."""

from __future__ import annotations

import gc
import logging
from collections.abc import Generator, Iterator
from contextlib import ExitStack, contextmanager
from typing import Final

import pytest
import structlog
from hypothesis import settings

from deploy.local.config import Config
from deploy.local.engines import Engines
from deploy.local.system import LocalSystem
from tests.scans import record_scans
from tests.scheduling import Scheduling, group_of, rank
from tests.tracing import Receiver
from tests.waiting import SHORT_WAITS

settings.register_profile("frikort", deadline=None)  # tests may run on a busy machine
settings.load_profile("frikort")

SHORT_SESSIONS = {"FRIKORT_SESSION_TIMEOUT": "3", "FRIKORT_EXTRACT_LEASE": "8"}
"""Another instance soon gets the partitions and the extracts of a killed one. An external broker must allow this
timeout (`group.min.session.timeout.ms`)."""


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Exclude imported modules and collected tests from garbage collection; they live until the end."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run long groups first. Within a group, tests marked `last` come after all others."""
    items.sort(key=lambda item: (rank(item.nodeid), item.get_closest_marker("last") is not None))


_running: Final[dict[str, ExitStack]] = {}
"""The processes that tests of a group share, by the name of the group."""


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Stop the processes of a group whose tests have ended: idle ones would use the processors until the end."""
    ended = _running.keys() - {group_of(item.nodeid)}
    for group in ended:
        _running.pop(group).close()


@contextmanager
def _until_its_tests_end(group: str) -> Iterator[ExitStack]:
    with ExitStack() as stack:
        _running[group] = stack
        yield stack


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> Scheduling:
    """Distributes the tests among workers."""
    return Scheduling(config, log)


@pytest.fixture(autouse=True)
def logging_restored() -> Iterator[None]:
    """Undo a configuration of the logs that a test makes, as by calling the `main` of a command."""
    configuration, root = structlog.get_config(), logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    if structlog.get_config() != configuration:
        structlog.configure(**configuration)
        structlog.contextvars.clear_contextvars()
        root.handlers[:] = handlers
        root.setLevel(level)


@pytest.fixture(scope="session")
def traces() -> Iterator[Receiver]:
    """The spans of the running system."""
    with Receiver() as receiver:
        yield receiver


@pytest.fixture(scope="session")
def system(tmp_path_factory: pytest.TempPathFactory, traces: Receiver) -> Iterator[LocalSystem]:
    """Kafka, MongoDB, the OpenID provider and the services, on free ports. They send their spans to ``traces``."""
    environment = SHORT_SESSIONS | SHORT_WAITS | {"FRIKORT_TRACES_URL": traces.url, "OTEL_BSP_SCHEDULE_DELAY": "500"}
    with _until_its_tests_end("system") as running:
        started = running.enter_context(LocalSystem(Config(tmp_path_factory.mktemp("system"), environment=environment)))
        record_scans(started.mongodb)
        yield started


@pytest.fixture(scope="session")
def engines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engines]:
    """Kafka and MongoDB without services, for tests that bring their own consumers."""
    with _until_its_tests_end("engines") as running:
        yield running.enter_context(Engines(Config(tmp_path_factory.mktemp("engines"))))
