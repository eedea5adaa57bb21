"""The part of a file that a request with a Range header asks for (RFC 9110, section 14). Pure."""

from __future__ import annotations

import re
from typing import Final

_ONE_RANGE: Final = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")


class NotSatisfiable(ValueError):
    """The range begins after the end of the file."""


def requested(header: str | None, if_range: str | None, size: int, etag: str) -> range | None:
    """The bytes to send; None: the whole file.

    A header that is not understood, or that asks for several ranges, is ignored, as the standard allows. So is one
    with an ``If-Range`` of another version of the file. Raises ``NotSatisfiable``.
    """
    match = _ONE_RANGE.fullmatch((header or "").replace(" ", ""))
    if match is None or (if_range is not None and if_range != etag):
        return None
    first, last = match.groups()
    if not first:
        if not last:
            return None
        length = min(int(last), size)
        if length == 0:
            raise NotSatisfiable
        return range(size - length, size)
    end = min(int(last) + 1, size) if last else size
    if last and int(last) < int(first):
        return None
    if int(first) >= size:
        raise NotSatisfiable
    return range(int(first), end)
