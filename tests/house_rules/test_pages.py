"""The documentation is true: links lead somewhere, paths exist, and the table of topics is the contract's.

``python -m tests.house_rules.test_pages`` writes the table of topics and the index of decisions.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import PurePosixPath
from posixpath import normpath
from typing import Final

from frikort_contracts.topics import TOPICS, Topic

from tests.house_rules.sources import ROOT, is_excepted, markdown_files, read

_ARCHITECTURE: Final = "docs/architecture.md"
_BEGIN: Final = "<!-- topics: written by python -m tests.house_rules.test_pages -->\n"
_END: Final = "<!-- end of topics -->"
_LINK: Final = re.compile(r"\]\(([^)\s#]+)(?:#[^)]*)?\)")
_PATH: Final = re.compile(r"`((?:contracts|deploy|docs|services|tests)/[\w./-]+)(?:::\w+)?`")

_NAME: Final = re.compile(r"`((?:contracts|deploy|services|tests)/[\w./-]+\.py)` `([A-Za-z_][\w.]*)`")
_DECISIONS: Final = "docs/decisions"
_RECORD: Final = re.compile(rf"{_DECISIONS}/\d{{4}}-[\w-]+\.md")


def links(path: str) -> Iterator[str]:
    """The files of the project that a page links to, relative to the root."""
    for target in _LINK.findall(read(path)):
        if "://" not in target:
            yield normpath(PurePosixPath(path).parent / target)


def paths(path: str) -> Iterator[str]:
    """The files and folders of the project that a page names in backticks."""
    yield from _PATH.findall(read(path))


def table() -> str:
    """The topics as Markdown."""
    rows = ["| topic | key | written by | read by | kept |", "|---|---|---|---|---|", *map(_row, TOPICS)]
    return "\n".join(rows) + "\n"


def _row(topic: Topic) -> str:
    kept = "without limit" if topic.retention is None else f"{topic.retention.days} days"
    return f"| `{topic.name}` | {topic.key} | {', '.join(topic.writers)} | {', '.join(topic.readers)} | {kept} |"


def with_table(page: str) -> str:
    """The page with the present table of topics."""
    before, _, rest = page.partition(_BEGIN)
    return before + _BEGIN + table() + _END + rest.partition(_END)[2]


def test_every_link_leads_to_a_file() -> None:
    broken = [
        f"{page}: {target}" for page in markdown_files() for target in links(page) if not (ROOT / target).exists()
    ]
    assert [line for line in broken if not is_excepted("paths", line.partition(":")[0])] == []


def test_every_path_in_the_pages_exists() -> None:
    named = [(page, path) for page in markdown_files() for path in paths(page)]
    missing = [f"{page}: {path}" for page, path in named if not (ROOT / path).exists()]
    assert [line for line in missing if not is_excepted("paths", line.partition(":")[0])] == []


def test_the_table_of_topics_is_that_of_the_contracts() -> None:
    page = read(_ARCHITECTURE)
    assert page == with_table(page), "run python -m tests.house_rules.test_pages"


def test_a_name_beside_a_path_is_in_that_file() -> None:
    named = [(page, path, name) for page in markdown_files() for path, name in _NAME.findall(read(page))]
    missing = [
        f"{page}: {path} {name}"
        for page, path, name in named
        if (ROOT / path).is_file() and not re.search(rf"\b{name.rpartition('.')[2]}\b", read(path))
    ]
    assert [line for line in missing if not is_excepted("paths", line.partition(":")[0])] == []


def test_the_index_of_decisions_has_every_record_with_its_title() -> None:
    index = read(f"{_DECISIONS}/README.md")
    rows = [_index_row(path) for path in markdown_files() if _RECORD.fullmatch(path)]
    missing = [row for row in rows if row not in index and not is_excepted("paths", f"{_DECISIONS}/README.md")]
    assert missing == [], "run python -m tests.house_rules.test_pages"


def _index_row(path: str) -> str:
    number, _, title = read(path).partition("\n")[0].removeprefix("# ").partition(" ")
    return f"| [{number}]({PurePosixPath(path).name}) | {title} |"


def _write() -> None:
    (ROOT / _ARCHITECTURE).write_text(with_table(read(_ARCHITECTURE)), encoding="utf-8")
    index = f"{_DECISIONS}/README.md"
    rows = [_index_row(path) for path in markdown_files() if _RECORD.fullmatch(path)]
    before = read(index).partition("| [")[0]
    (ROOT / index).write_text(before + "\n".join(rows) + "\n", encoding="utf-8")


if __name__ == "__main__":
    _write()
