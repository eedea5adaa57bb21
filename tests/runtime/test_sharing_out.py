"""A key goes to the partition that every other client of Kafka gives it."""

from __future__ import annotations

from aiokafka.partitioner import murmur2 as of_aiokafka
from hypothesis import given
from hypothesis import strategies as st

from services.runtime.log import murmur2


@given(st.binary(max_size=80))
def test_the_hash_is_the_one_of_aiokafka(key: bytes) -> None:
    assert murmur2(key) == of_aiokafka(key)


def test_the_hash_is_the_one_of_javas_client() -> None:
    # From the tests of Kafka's own Utils.murmur2.
    assert {key: murmur2(key) - (1 << 32) for key in (b"21", b"foobar")} == {b"21": -973932308, b"foobar": -790332482}
