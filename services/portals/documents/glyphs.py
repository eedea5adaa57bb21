"""Which characters a document can show, and what it shows instead of the others.

PDF/UA-1 allows no character without a glyph, so a text that no font covers would make the whole document fail. Plex
comes first; the Noto fonts cover the other scripts and emoji.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, Final

import manimgx_fonts
import manimgx_fonts_cjk
from fontTools.ttLib import TTFont

DIRECTORIES: Final = (
    Path(__file__).parent / "fonts",
    Path(str(manimgx_fonts.__file__)).parent,
    Path(str(manimgx_fonts_cjk.__file__)).parent,
)
BODY: Final = "IBM Plex Sans"
SUBSTITUTE: Final = "\N{REPLACEMENT CHARACTER}"
"""Shown for a character that no font has."""

_NEXT: Final = ("Noto Sans", "Noto Sans CJK JP", "Noto Sans Symbols", "Noto Emoji")
_JOINERS: Final = frozenset("\N{ZERO WIDTH NON-JOINER}\N{ZERO WIDTH JOINER}")
_FILLERS: Final = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0")  # letters and marks without a shape
_PLAIN: Final = frozenset("\n" + "".join(map(chr, (*range(0x20, 0x7F), *range(0xA0, 0xAD), *range(0xAE, 0x100)))))
_SPACES: Final = frozenset("\t\n\v\f\r\x85\u2028\u2029")


@cache
def families() -> tuple[str, ...]:
    """The names of the font families, in the order in which they are tried."""
    first = (BODY, *_NEXT)
    return (*first, *sorted(set(_coverage()) - set(first)))


@lru_cache(maxsize=4096)
def displayable(text: str) -> str:
    """``text`` as a document shows it: every character has a glyph, and none is invisible or changes the direction.

    Characters without a glyph become their compatible form (NFKC) or ``SUBSTITUTE``.
    """
    if _is_plain(text):
        return text
    visible = "".join(_visible(unicodedata.normalize("NFC", text)))
    return "".join(_with_glyphs(cluster) for cluster in _clusters(visible))


def displayable_data(data: Any) -> Any:
    """``data`` (as JSON has it) with every text in it displayable. Keys stay."""
    match data:
        case str():
            return displayable(data)
        case dict():
            return {key: displayable_data(value) for key, value in data.items()}
        case list() | tuple():
            return [displayable_data(value) for value in data]
        case _:
            return data


def _is_plain(text: str) -> bool:
    """Whether the text is Western European, which needs no look into the fonts."""
    return all(character in _PLAIN for character in text)


def _visible(text: str) -> Iterator[str]:
    for character in text:
        category = unicodedata.category(character)
        if character in _JOINERS:
            yield character
        elif character in _SPACES:
            yield "\n" if character == "\n" else " "
        elif category in {"Cc", "Cf", "Cs"} or character in _FILLERS or _is_variation_selector(character):
            continue
        elif category == "Zs":
            yield "\N{NO-BREAK SPACE}" if character == "\N{NO-BREAK SPACE}" else " "
        else:
            yield character


def _is_variation_selector(character: str) -> bool:
    return "\ufe00" <= character <= "\ufe0f" or "\U000e0100" <= character <= "\U000e01ef"


def _clusters(text: str) -> Iterator[str]:
    """Each character with the marks and joined characters that follow it."""
    cluster = ""
    for character in text:
        joins = character in _JOINERS or unicodedata.category(character).startswith("M")
        if cluster and not joins and cluster[-1] not in _JOINERS:
            yield cluster
            cluster = ""
        cluster += character
    if cluster:
        yield cluster


def _with_glyphs(cluster: str) -> str:
    """The cluster, if one font has all of it; else its characters one by one, without joining them."""
    needed = {ord(character) for character in cluster if character not in _JOINERS} - {ord("\n")}
    alone = [character for character in cluster if character not in _JOINERS]
    if needed <= _coverage()[BODY]:
        return "".join(alone)
    if any(needed <= covered for covered in _coverage().values()):
        return cluster
    return "".join(map(_alone, alone))


def _alone(character: str) -> str:
    if character == "\n":
        return character
    for one in (character, unicodedata.normalize("NFKC", character)):
        spaced = all(unicodedata.category(part)[0] not in "MCZ" for part in one)
        if spaced and all(any(ord(part) in covered for covered in _coverage().values()) for part in one):
            return one
    return SUBSTITUTE


@cache
def _coverage() -> dict[str, frozenset[int]]:
    """The code points of each font family."""
    found: dict[str, frozenset[int]] = {}
    for file in sorted(path for directory in DIRECTORIES for path in directory.glob("*.tt[cf]")):
        # The fonts of the one collection differ in the shapes of some ideographs only: the first is used.
        with TTFont(file, lazy=True, fontNumber=0) as font:
            # The first of the two names is the family of all weights.
            family = font["name"].getDebugName(16) or font["name"].getDebugName(1)
            code_points = frozenset(font["cmap"].getBestCmap())
            found[family] = found.get(family, code_points) & code_points
    return found
