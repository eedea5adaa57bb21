"""Rules about code: each forbids something that has lost a message, made a test flaky or given a wrong answer.

A rule is a function that yields the lines of a module that break it. Each rule is tried on a bad and a good example.
"""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[2]
SOURCES: Final = ("contracts", "services", "deploy", "tests")
DRIVER: Final = "services/runtime/mongo/driver.py"
ABOUT_TIME: Final = ("tests/waiting.py", "tests/gateway/test_change_notifier.py")  # their subject is waiting
DECIDING: Final = ("issuance", "reporting", "balance", "exports")
"""The services that decide. All their modules are pure, except those named in ``SHELL``."""
SHELL: Final = frozenset(
    {
        "__init__",
        "__main__",
        "counting",
        "cpr_encryption",
        "difference_messages",
        "feed_check",
        "feed_reader",
        "files",
        "jobs",
        "period_reader",
        "publisher",
        "rebuild",
        "queue",
        "reader",
        "results",
        "settings",
        "worker",
    }
)


def _pure_modules() -> Iterator[str]:
    """The paths of what import-linter keeps free of I/O. The only list is in ``pyproject.toml``."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    for contract in contracts:
        if contract["name"] in {"Decisions import no I/O", "Computations import no I/O themselves"}:
            yield from (module.replace(".", "/") for module in contract["source_modules"])


# With a clock or randomness in them, a redelivered message could be decided differently.
PURE: Final = tuple(_pure_modules())


def is_pure(path: str) -> bool:
    """Whether the file at ``path`` is a pure module, or in a pure package."""
    return any(path == f"{pure}.py" or path.startswith(f"{pure}/") for pure in PURE)


@dataclass(frozen=True)
class Module:
    """A source file and its syntax tree."""

    path: str
    nodes: tuple[ast.AST, ...]

    @classmethod
    def of(cls, path: str, source: str) -> Module:
        return cls(path, tuple(ast.walk(ast.parse(source))))

    def calls(self) -> Iterator[tuple[ast.Call, str]]:
        """Every call with the dotted name of the function (``""`` if it has none)."""
        for node in self.nodes:
            if isinstance(node, ast.Call):
                yield node, dotted(node.func)

    def imports(self) -> Iterator[tuple[int, str]]:
        """Every imported name (dotted) with its line."""
        for node in self.nodes:
            if isinstance(node, ast.Import):
                yield from ((node.lineno, alias.name) for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module is not None:
                yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


def dotted(node: ast.expr) -> str:
    """The dotted name of an expression, ``a.b.c``. Of ``f().b.c`` it is ``b.c``."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        before = dotted(node.value)
        return f"{before}.{node.attr}" if before else node.attr
    return ""


def no_publish_batch(module: Module) -> Iterator[int]:
    """FastStream's publish_batch takes one key for all records and returns no future for each, so order is lost."""
    return (call.lineno for call, name in module.calls() if name.rpartition(".")[2] == "publish_batch")


def no_ack_first(module: Module) -> Iterator[int]:
    """AckPolicy.ACK_FIRST commits before the batch is processed, so a crash loses it."""
    return (
        node.lineno
        for node in module.nodes
        if (isinstance(node, ast.Attribute) and node.attr == "ACK_FIRST")
        or (isinstance(node, ast.Name) and node.id == "ACK_FIRST")
        or (isinstance(node, ast.keyword) and node.arg == "ack_first")
    )


def no_reading_from_the_latest(module: Module) -> Iterator[int]:
    """auto_offset_reset="latest" (FastStream's default) skips all records published before the group first joins."""
    for call, _ in module.calls():
        for keyword in call.keywords:
            if keyword.arg == "auto_offset_reset" and _text(keyword.value) != "earliest":
                yield call.lineno


def no_broker_request(module: Module) -> Iterator[int]:
    """Kafka has no request and reply, so broker.request raises at run time."""
    return (call.lineno for call, name in module.calls() if name.endswith("broker.request"))


def a_subscriber_names_group_acknowledgement_and_offset(module: Module) -> Iterator[int]:
    """Without a group nothing is committed. FastStream's defaults for the other two settings lose messages."""
    wanted = {"group_id", "ack_policy", "auto_offset_reset"}
    for call, name in module.calls():
        if name.rpartition(".")[2] == "subscriber" and not wanted <= {keyword.arg for keyword in call.keywords}:
            yield call.lineno


def motor_only_in_one_module(module: Module) -> Iterator[int]:
    """motor has reached its end of life. Only one module must change when it is replaced."""
    if module.path.startswith("services/") and module.path != DRIVER:
        yield from (line for line, name in module.imports() if name.split(".")[0] == "motor")


def no_sleeping_in_tests(module: Module) -> Iterator[int]:
    """A test that sleeps is slow and flaky. Await a condition (tests.waiting, or a loop that checks one)."""
    if not module.path.startswith("tests/") or module.path in ABOUT_TIME:
        return
    polling = {
        id(inner)
        for loop in module.nodes
        if isinstance(loop, ast.While) and not isinstance(loop.test, ast.Constant)
        for inner in ast.walk(loop)
    }
    for call, name in module.calls():
        yields_only = len(call.args) == 1 and isinstance(call.args[0], ast.Constant) and call.args[0].value == 0
        if name in {"time.sleep", "asyncio.sleep", "sleep"} and not yields_only and id(call) not in polling:
            yield call.lineno


def no_clock_and_no_randomness_in_decisions(module: Module) -> Iterator[int]:
    """A redelivered message must be decided the same way. Times and ids come from the message."""
    if is_pure(module.path):
        clocks = {"now", "utcnow", "today", "time", "monotonic", "uuid1", "uuid4", "urandom"}
        yield from (
            call.lineno
            for call, name in module.calls()
            if "." in name and name.rpartition(".")[2] in clocks and name.split(".")[0] in CLOCKED
        )
        yield from (call.lineno for call, name in module.calls() if name in {"uuid1", "uuid4", "urandom"})
        yield from (line for line, name in module.imports() if name.split(".")[0] in {"random", "secrets"})


def no_private_attribute_of_a_library(module: Module) -> Iterator[int]:
    """A private attribute of a library changes without notice. Use its public API, or name the upstream issue."""
    if not module.path.startswith("services/"):
        return
    own = _own_private_names() | _private_names_of(module)
    for node in module.nodes:
        if isinstance(node, ast.Attribute) and _is_private(node.attr) and node.attr not in own:
            yield node.lineno


def _is_private(name: str) -> bool:
    return name.startswith("_") and not name.endswith("__") and name not in _DOCUMENTED


def _private_names_of(module: Module) -> set[str]:
    """Names that begin with an underscore and that the module itself defines."""
    names: set[str] = set()
    for node in module.nodes:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and dotted(node.value) == "self":
            names.add(node.attr)
    return {name for name in names if name.startswith("_")}


@cache
def _own_private_names() -> frozenset[str]:
    ours = (module for module in _modules() if module.path.startswith(("services/", "contracts/")))
    return frozenset(name for module in ours for name in _private_names_of(module))


_DOCUMENTED: Final = {"_replace", "_asdict", "_fields", "_make", "_exit"}  # documented, as is os._exit


def copies_are_checked(module: Module) -> Iterator[int]:
    """model_copy(update=...) checks neither names nor types; dataclasses.replace and constructors are checked."""
    if module.path.startswith(tuple(f"services/{service}/" for service in DECIDING)):
        yield from (
            call.lineno
            for call, name in module.calls()
            if name.rpartition(".")[2] == "model_copy" and any(keyword.arg == "update" for keyword in call.keywords)
        )


def events_name_their_fields(module: Module) -> Iterator[int]:
    """An event built from ``**fields`` is not checked by mypy. (A refusal's details have no fixed names.)"""
    if module.path.startswith(tuple(f"services/{service}/" for service in DECIDING)):
        for call, name in module.calls():
            is_class = name.rpartition(".")[2][:1].isupper() and name != "Refusal"
            if is_class and any(keyword.arg is None for keyword in call.keywords):
                yield call.lineno


CLOCKED: Final = {"datetime", "date", "time", "uuid", "os"}

Rule = Callable[[Module], Iterator[int]]
RULES: Final[tuple[Rule, ...]] = (
    no_publish_batch,
    no_ack_first,
    no_reading_from_the_latest,
    no_broker_request,
    a_subscriber_names_group_acknowledgement_and_offset,
    motor_only_in_one_module,
    no_sleeping_in_tests,
    no_clock_and_no_randomness_in_decisions,
    no_private_attribute_of_a_library,
    copies_are_checked,
    events_name_their_fields,
)


def _text(node: ast.expr) -> object:
    return node.value if isinstance(node, ast.Constant) else None


@cache
def _modules() -> list[Module]:
    paths = sorted(path for source in SOURCES for path in (ROOT / source).rglob("*.py"))
    return [Module.of(path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8")) for path in paths]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: str(rule.__name__))
def test_the_code_keeps_the_rule(rule: Rule) -> None:
    found = [f"{module.path}:{line}" for module in _modules() for line in rule(module)]
    assert found == [], rule.__doc__


SUBSCRIBER = 'broker.subscriber("t", group_id="g", ack_policy=AckPolicy.MANUAL, auto_offset_reset="earliest")'


@pytest.mark.parametrize(
    ("rule", "path", "bad", "good"),
    [
        (no_publish_batch, "services/a.py", "await broker.publish_batch(*m, topic=t)", "await log.publish(m)"),
        (no_ack_first, "services/a.py", "f(ack_policy=AckPolicy.ACK_FIRST)", "f(ack_policy=AckPolicy.MANUAL)"),
        (no_ack_first, "services/a.py", "f(ack_first=True)", "f(1)"),
        (
            no_reading_from_the_latest, "tests/a.py", 'AIOKafkaConsumer(auto_offset_reset="latest")',
            'AIOKafkaConsumer(auto_offset_reset="earliest")',
        ),
        (no_broker_request, "services/a.py", "await self.broker.request(m)", "await client.request(m)"),
        (no_broker_request, "services/a.py", "await self._broker.request(m)", "http.request(m)"),
        (
            a_subscriber_names_group_acknowledgement_and_offset, "services/a.py", 'broker.subscriber("t")', SUBSCRIBER
        ),
        (
            a_subscriber_names_group_acknowledgement_and_offset, "services/a.py",
            SUBSCRIBER.replace('group_id="g", ', ""), SUBSCRIBER,
        ),
        (motor_only_in_one_module, "services/a.py", "import motor", "import pymongo"),
        (
            motor_only_in_one_module,
            "services/runtime/kafka/producer.py",
            "from motor.motor_asyncio import AsyncIOMotorClient",
            "from services.runtime.mongo.document_store import connect",
        ),
        (no_sleeping_in_tests, "tests/a.py", "time.sleep(1)", "await asyncio.sleep(0)"),
        (no_sleeping_in_tests, "tests/a.py", "await asyncio.sleep(0.1)", "await eventually(f)"),
        (no_sleeping_in_tests, "tests/a.py", "while True: time.sleep(1)", "while not done(): time.sleep(1)"),
        (no_clock_and_no_randomness_in_decisions, f"{PURE[0]}.py", "datetime.now(UTC)", "datetime.fromisoformat(t)"),
        (no_clock_and_no_randomness_in_decisions, f"{PURE[1]}.py", "date.today()", "danish_day(message.time)"),
        (no_clock_and_no_randomness_in_decisions, f"{PURE[2]}.py", "import random", "import math"),
        (no_clock_and_no_randomness_in_decisions, f"{PURE[3]}.py", "uuid.uuid4()", "uuid.uuid5(a, b)"),
        (no_clock_and_no_randomness_in_decisions, f"{PURE[4]}.py", "x = uuid4()", "x = uuid5(a, b)"),
        (
            no_clock_and_no_randomness_in_decisions, "services/gateway/projections/cards.py", "time.time()",
            "message.time",
        ),
        (
            no_private_attribute_of_a_library, "services/a.py", "x = producer._sender_of_the_library",
            "def f(self): self._mine = 1; return self._mine",
        ),
        (
            copies_are_checked, "services/balance/a.py", 'ledger.model_copy(update={"revison": 2})',
            "replace(entry, revision=2)",
        ),
        (events_name_their_fields, "services/exports/a.py", "CardIssued(**fields)", "CardIssued(card_id=card_id)"),
    ],
)  # fmt: skip
def test_a_rule_finds_the_bad_example_and_accepts_the_good_one(rule: Rule, path: str, bad: str, good: str) -> None:
    assert list(rule(Module.of(path, bad))) == [1]
    assert list(rule(Module.of(path, good))) == []


def test_every_rule_has_an_example() -> None:
    with_example = {
        mark.args[1][n][0]
        for mark in getattr(test_a_rule_finds_the_bad_example_and_accepts_the_good_one, "pytestmark", [])
        for n in range(len(mark.args[1]))
    }
    assert with_example == set(RULES)


def test_every_pure_module_exists() -> None:
    existing = [module.path for module in _modules()]
    assert [p for p in PURE if not any(path.startswith((f"{p}.py", f"{p}/")) for path in existing)] == []


def test_every_module_of_a_deciding_service_is_pure_or_part_of_the_shell() -> None:
    modules = {path for module in _modules() if (path := module.path).split("/")[:2] in _service_folders()}
    assert {path for path in modules if PurePosixPath(path).stem not in SHELL} == {
        path for path in modules if is_pure(path)
    }


def _service_folders() -> list[list[str]]:
    return [["services", service] for service in DECIDING]
