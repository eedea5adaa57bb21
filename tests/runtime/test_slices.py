"""A long computation leaves the event loop to others between its slices."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.runtime.event_loop import MOST_BYTES, MOST_ITEMS, in_slices


async def slices_of(sizes: list[int]) -> list[list[int]]:
    return [list(some) async for some in in_slices(sizes, lambda size: size)]


@given(sizes=st.lists(st.integers(0, 2 * MOST_BYTES), max_size=3 * MOST_ITEMS))
def test_slices_have_all_items_in_their_order_and_none_is_too_large(sizes: list[int]) -> None:
    slices = asyncio.run(slices_of(sizes))

    assert [size for some in slices for size in some] == sizes
    for some in slices:
        assert 0 < len(some) <= MOST_ITEMS
        assert sum(some[:-1]) <= MOST_BYTES


@pytest.mark.parametrize(
    ("sizes", "turns"),
    [
        pytest.param([1] * MOST_ITEMS, 0, id="one slice"),
        pytest.param([1] * (MOST_ITEMS + 1), 1, id="many items"),
        pytest.param([MOST_BYTES + 1] * 4, 3, id="large items"),
    ],
)
async def test_others_run_between_two_slices(sizes: list[int], turns: int) -> None:
    ran = 0

    async def other() -> None:
        nonlocal ran
        while True:
            ran += 1
            await asyncio.sleep(0)

    task = asyncio.create_task(other())
    await slices_of(sizes)
    task.cancel()
    assert ran == turns
