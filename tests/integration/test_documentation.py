"""Every answer of the other integration tests was as the OpenAPI document says, and every operation was used."""

from __future__ import annotations

import pytest

from tests.integration.scene import World

pytestmark = pytest.mark.last

WHOLE_FOLDER = 1000


def test_every_answer_was_documented(world: World) -> None:
    world.job().report()
    assert world.documentation.answers > 0
    assert sorted(world.documentation.wrong) == []


def test_every_operation_succeeded_at_least_once(world: World) -> None:
    if world.documentation.answers < WHOLE_FOLDER:
        pytest.skip("only the whole folder uses every operation")
    assert sorted(world.documentation.operations - world.documentation.succeeded) == []
