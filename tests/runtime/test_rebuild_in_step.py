"""A rebuild reads the topics of a partition number in step, and every record."""

from __future__ import annotations

from collections.abc import Mapping

from hypothesis import given
from hypothesis import strategies as st

from services.runtime.processing.apply import Incoming
from services.runtime.processing.positions import Partition
from services.runtime.rebuild.in_step import InStep

ENDS = st.dictionaries(
    st.builds(Partition, st.sampled_from(["cards", "earnings", "balances"]), st.integers(0, 3)), st.integers(1, 9000)
)


def records(partition: Partition, first: int, last: int) -> list[Incoming]:
    """The first and the last record of those that a poll gives; the others change nothing."""
    return [Incoming(*partition, offset, b"", b"", ()) for offset in sorted({first, last - 1})]


def read_all(ends: Mapping[Partition, int], chunk: int) -> list[tuple[Partition, Mapping[Partition, int]]]:
    """Read everything, a chunk of one partition at a time. Returns each partition and the positions before it."""
    order, read, done = InStep({}, ends), dict.fromkeys(ends, 0), list[tuple[Partition, Mapping[Partition, int]]]()
    while wanted := order.next():
        for partition in wanted:
            done.append((partition, dict(read)))
            last = min(read[partition] + chunk, ends[partition])
            order.read(records(partition, read[partition], last))
            read[partition] = last
    assert read == ends
    return done


@given(ENDS, st.integers(1000, 3000))
def test_everything_is_read_and_two_partition_numbers_at_a_time(ends: dict[Partition, int], chunk: int) -> None:
    for _, read in read_all(ends, chunk):
        begun = {p.partition for p, at in read.items() if at and at < ends[p]}
        assert len(begun) <= 2


def test_a_topic_with_twice_the_records_is_read_twice_as_fast() -> None:
    earnings, balances = Partition("earnings", 0), Partition("balances", 0)

    for _, read in read_all({earnings: 30_000, balances: 60_000}, 1000):
        assert abs(2 * read[earnings] - read[balances]) <= 2 * 2000 + 2 * 1000


def test_what_is_read_at_the_start_is_not_asked_for() -> None:
    cards, earnings = Partition("cards", 0), Partition("earnings", 0)
    order = InStep({cards: 10, earnings: 4}, {cards: 10, earnings: 10})

    assert order.next() == [earnings]


def test_after_the_ends_any_partition_is_read() -> None:
    order = InStep({}, {Partition("cards", 0): 2})
    order.read(records(Partition("cards", 0), 0, 2))

    assert order.next() == []


def test_a_partition_that_gives_nothing_holds_up_no_other() -> None:
    cards, others = Partition("cards", 0), Partition("earnings", 5)
    order = InStep({}, {cards: 2, Partition("cards", 1): 5, others: 2})

    order.read([])
    assert not order.next()
    order.read(records(others, 0, 2))
    assert cards in order.next()
