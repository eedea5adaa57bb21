"""Plain words: docstrings, comments, names and Markdown avoid a short list of old-fashioned expressions.

Each has a standard word: ``told`` is "published", "sent" or "known"; ``put aside`` is "sent to the dead-letter topic";
``seal`` is "encrypt".
String literals and code in backticks are not read.
Run ``python -m tests.house_rules.test_words`` to list every place.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from functools import cache
from typing import Final

import pytest

from tests.house_rules.sources import is_excepted, markdown_files, python_files, read

_HEADLESS: Final = "asks|calls|comes|gives|goes|has|knows|looks|needs|reads|sends|speaks|takes|waits|wants|writes"

WORDS: Final = {
    "told": r"told",
    "anew": r"anew",
    "upon": r"upon",
    "reckon": r"reckon(?:s|ed|ing)?",
    "whoever": r"who(?:so)?ever",
    "for ever": r"for ever",
    "nobody": r"nobody",
    "deed": r"deeds?",
    "befall": r"befalls?|befell",
    "afresh": r"afresh",
    "whence": r"whence",
    "once more": r"once more",
    "besides": r"besides",
    "mend": r"mend(?:s|ed|ing)?",
    "held back": r"(?:hold|holds|held|holding) back",
    "on its way": r"on (?:its|their) way",
    "come to rest": r"com(?:e|es|ing) to rest",
    "put aside": r"put(?:s|ting)? aside",
    "seal": r"(?:un)?seal(?:s|ed|er|ing)?",
    "let go": r"let(?:s|ting)? go",
    "otherwise than": r"otherwise than",
    "at the door": r"at (?:the|every|each) door",
    "of who ...": rf"(?:of|to|by|for|with|what) who (?:{_HEADLESS})",
    "what stands ...": r"what (?:stands|stood|goes|went|comes|came|lies|lay)",
}
"""The expressions, as patterns over text in lower case."""

_ANYWHERE: Final = {name: re.compile(r"\b" + pattern.replace(" ", r"\s+") + r"\b") for name, pattern in WORDS.items()}
_SENTENCE_START: Final = re.compile(
    rf"(?:^|[.:;]\s+|\n\s*\n\s*)(?:[-*|>#]+\s+)?who\s+(?:{_HEADLESS})\b[^?]*?(?:[.:;]|$)"
)
_FENCED: Final = re.compile(r"^(```|~~~).*?^\1", re.DOTALL | re.MULTILINE)
_INLINE_CODE: Final = re.compile(r"(`+)[^`]*\1")
_CAMEL: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


@cache
def expressions_in(text: str) -> list[str]:
    """The listed expressions that ``text`` uses."""
    lower = text.lower()
    found = [name for name, pattern in _ANYWHERE.items() if pattern.search(lower)]
    if _SENTENCE_START.search(lower):
        found.append("who ...")
    return found


def prose_of_python(source: str) -> Iterator[tuple[int, str]]:
    """Docstrings, comments (joined over lines) and names of a module, each with its line number."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            yield node.lineno, without_inline_code(node.value.value)
    block, begin, last = "", 0, -1
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.NAME:
            yield token.start[0], words_of_name(token.string)
        elif token.type == tokenize.COMMENT:
            row = token.start[0]
            if row != last + 1:
                yield begin, block
                block, begin = "", row
            block, last = f"{block} {token.string.lstrip('# ')}", row
    yield begin, block


def without_inline_code(text: str) -> str:
    """``text`` with an "x" in place of each piece of code in backticks; line breaks stay."""
    return _INLINE_CODE.sub(lambda match: "x" + "\n" * match.group().count("\n"), text)


def words_of_name(name: str) -> str:
    """The words of an identifier: ``card_number`` and ``CardNumber`` are "card number"."""
    return _CAMEL.sub(" ", name).replace("_", " ").strip().lower()


def prose_of_markdown(source: str) -> Iterator[tuple[int, str]]:
    """The paragraphs of a page without its code, each with its line number."""
    text = _FENCED.sub(lambda match: "\n" * match.group().count("\n"), source)
    line = 1
    for paragraph in without_inline_code(text).split("\n\n"):
        yield line, paragraph.strip()
        line += paragraph.count("\n") + 2


def findings(path: str) -> list[str]:
    """Every use of a listed expression in a file, as ``path:line: expression``."""
    prose = prose_of_markdown if path.endswith(".md") else prose_of_python
    named = [f"{path}: {name}" for name in expressions_in(words_of_name(path.replace("/", " ").replace(".", " ")))]
    return named + [f"{path}:{line}: {name}" for line, text in prose(read(path)) for name in expressions_in(text)]


def _all() -> Iterator[str]:
    yield from python_files()
    yield from markdown_files()


def test_text_and_names_use_plain_words() -> None:
    found = [finding for path in _all() if not is_excepted("words", path) for finding in findings(path)]
    assert found == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The gateway is told of it.", ["told"]),
        ("Kept for\n  ever.", ["for ever"]),
        ("Dead letters are put aside.", ["put aside"]),
        ("Reckoned in øre.", ["reckon"]),
        ("A random deed befell it.", ["deed", "befall"]),
        ("Send it once more, and afresh.", ["afresh", "once more"]),
        ("Mended records are on their way.", ["mend", "on its way"]),
        ("Held back until it comes to rest.", ["held back", "come to rest"]),
        ("The tokens are sealed.", ["seal"]),
        ("Who asks alone waits for the call.", ["who ..."]),
        ("A batch.\n\nWho waits joins it.", ["who ..."]),
        ("The key of who waits.", ["of who ..."]),
        ("What stands in the outbox is sent.", ["what stands ..."]),
    ],
)
def test_a_listed_expression_is_found(text: str, expected: list[str]) -> None:
    assert expressions_in(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "A caseworker who asks for a card gives a reason.",
        "The log shows who reads a card.",
        "Who needs a card?",
        "See what is published, and forever.",
        "The total goes to the employer. Let a test go on.",
    ],
)
def test_plain_sentences_are_accepted(text: str) -> None:
    assert expressions_in(text) == []


def test_names_comments_and_docstrings_are_read_and_strings_are_not() -> None:
    source = '"""Told."""\n\n# kept for\n# ever\ndef put_aside(NobodyElse): return "reckon anew upon"\n'
    found = [name for _, text in prose_of_python(source) for name in expressions_in(text)]
    assert sorted(found) == ["for ever", "nobody", "put aside", "told"]


def test_code_in_markdown_is_not_read() -> None:
    page = "Run `told`:\n\n```\nnobody\n```\n\nIt is told.\n"
    assert [(line, expressions_in(text)) for line, text in prose_of_markdown(page) if expressions_in(text)] == [
        (7, ["told"])
    ]


if __name__ == "__main__":
    print("\n".join(finding for path in _all() for finding in findings(path)))  # noqa: T201
