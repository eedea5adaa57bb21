"""Every test and round that docs/reliability.md names exists, and every fault has a row."""

from __future__ import annotations

import re
from typing import Final

from deploy.local.config import REPOSITORY
from tests.chaos.cluster_rounds import CLUSTER
from tests.chaos.rounds import SINGLE

TEXT: Final = (REPOSITORY / "docs" / "reliability.md").read_text()


def test_every_named_test_exists() -> None:
    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", TEXT)
    assert named
    missing = [
        f"{path}::{name}"
        for path, name in named
        if not (REPOSITORY / path).exists() or f"def {name}(" not in (REPOSITORY / path).read_text(encoding="utf-8")
    ]
    assert missing == []


def test_every_named_round_exists_and_every_round_is_named() -> None:
    phrases = re.findall(r"\brounds? ((?:`[^`]+`°?(?:, )?)+)", TEXT)
    named = {name for phrase in phrases for name in re.findall(r"`([^`]+)`", phrase)}
    known = set(SINGLE) | set(CLUSTER)
    assert named == known


def test_every_fault_has_a_row() -> None:
    assert [int(number) for number in re.findall(r"^\| (\d+) \|", TEXT, re.MULTILINE)] == list(range(1, 48))
