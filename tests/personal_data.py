"""Finds the data of known people in bytes, in whatever encoding they were written."""

from __future__ import annotations

import json
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Final

from frikort_contracts.values import birth_date_of

_CHARACTER_SETS: Final = ("utf-8", "latin-1", "utf-16-le", "utf-16-be")


@dataclass(frozen=True)
class Trace:
    """A secret that was found. It names what kind of data and which encoding, and not the secret."""

    what: str
    encoding: str


class Search:
    """Searches for secrets: texts by what they are, such as ``a name``."""

    def __init__(self, secrets: Mapping[str, str]) -> None:
        self._patterns: dict[bytes, Trace] = {}
        for what, text in secrets.items():
            for spelling in _spellings(text):
                for encoding, pattern in _encodings(spelling):
                    self._patterns.setdefault(pattern, Trace(what, encoding))

    def find(self, content: bytes) -> set[Trace]:
        """The secrets in ``content``."""
        return {trace for pattern, trace in self._patterns.items() if pattern in content}


def secrets_of(who: str, *, cpr: str, name: str, **texts: str) -> dict[str, str]:
    """The secrets about a person: the CPR number in its forms, each part of the name, the birth date, and texts."""
    born = birth_date_of(cpr)
    return {
        f"the CPR number of {who}": cpr,
        f"the CPR number of {who}, with a hyphen": f"{cpr[:6]}-{cpr[6:]}",
        f"the birth date of {who}": born.isoformat(),
        f"the birth date of {who}, as Danes write it": f"{born:%d-%m-%Y}",
        **{f"part {number} of the name of {who}": part for number, part in enumerate(name.split(), 1)},
        **{f"{what} of {who}": text for what, text in texts.items()},
    }


def _spellings(text: str) -> set[str]:
    return {text, text.lower(), text.upper()}


def _encodings(text: str) -> Iterator[tuple[str, bytes]]:
    """The text in every encoding, as it looks inside of longer content."""
    for name in _CHARACTER_SETS:
        encoded = text.encode(name)
        yield name, encoded
        yield f"hex of {name}", encoded.hex().encode()
        yield f"hex of {name}", encoded.hex().upper().encode()
        for (kind, encode), before in product((("base64", b64encode), ("base64url", urlsafe_b64encode)), range(3)):
            yield f"{kind} of {name}", _inner(encode(b"\0" * before + encoded), before, len(encoded))
    yield "JSON", json.dumps(text)[1:-1].encode()


def _inner(encoded: bytes, before: int, length: int) -> bytes:
    """The characters of base64 that depend on the text alone, which begins after ``before`` bytes."""
    first = -(-8 * before // 6)
    return encoded[first : 8 * (before + length) // 6]
