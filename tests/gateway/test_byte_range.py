"""Which bytes a Range header asks for."""

from __future__ import annotations

import pytest

from services.gateway.byte_range import NotSatisfiable, requested

SIZE, ETAG = 1000, '"abc"'


@pytest.mark.parametrize(
    ("header", "first", "length"),
    [
        ("bytes=0-99", 0, 100),
        ("bytes=500-", 500, 500),
        ("bytes=-10", 990, 10),
        ("bytes=-5000", 0, 1000),
        ("bytes=900-5000", 900, 100),
        ("bytes=999-999", 999, 1),
        ("bytes = 0 - 99", 0, 100),
    ],
)
def test_one_range_is_served(header: str, first: int, length: int) -> None:
    found = requested(header, None, SIZE, ETAG)

    assert found == range(first, first + length)


@pytest.mark.parametrize(
    "header", [None, "", "bytes=-", "bytes=5-2", "bytes=0-1,5-9", "lines=0-1", "bytes=a-b", "0-99"]
)
def test_a_header_that_is_not_one_range_gets_the_whole_file(header: str | None) -> None:
    assert requested(header, None, SIZE, ETAG) is None


@pytest.mark.parametrize("header", ["bytes=1000-", "bytes=5000-6000", "bytes=-0"])
def test_a_range_after_the_end_is_refused(header: str) -> None:
    with pytest.raises(NotSatisfiable):
        requested(header, None, SIZE, ETAG)


def test_a_range_of_another_version_of_the_file_gets_the_whole_file() -> None:
    assert requested("bytes=0-99", ETAG, SIZE, ETAG) == range(100)
    assert requested("bytes=0-99", '"other"', SIZE, ETAG) is None
