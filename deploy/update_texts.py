"""Brings the English catalogues up to date with the texts of the pages: `make texts`.

New texts are added with an empty translation, unused texts are removed. A test refuses both.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from babel.messages import Catalog
from babel.messages.extract import DEFAULT_KEYWORDS, extract
from babel.messages.pofile import read_po, write_po

from services.portals.formats import Language
from services.portals.texts import ENGLISH

PORTALS = ENGLISH.parents[1]
_METHODS = {".py": "python", ".html": "jinja2.ext:babel_extract"}
_OPTIONS = {
    "trimmed": "true",
    "newstyle_gettext": "true",
    "silent": "false",
    "encoding": "utf-8",
    "extensions": "jinja2.ext.do",
}
_KEYWORDS = {**DEFAULT_KEYWORDS, "say": None}  # a document is given `say` by the page that makes it
_COMMON = "common"
_WIDTH = 110


def part_of(file: Path) -> str:
    """The part whose catalogue has the texts of a file: the folder of the file."""
    path = file.relative_to(PORTALS)
    return path.parts[0] if len(path.parts) > 1 else _COMMON


def page_texts() -> dict[str, Catalog]:
    """The Danish texts of the pages and documents, by part."""
    parts: dict[str, Catalog] = {}
    for file in sorted(path for path in PORTALS.rglob("*") if path.suffix in _METHODS):
        for line, text, _comments, context in _texts(file):
            catalogue = parts.setdefault(part_of(file), Catalog(locale=Language.ENGLISH))
            catalogue.add(text, context=context, locations=[(_place(file), line)])
    return parts


def _place(file: Path) -> str:
    return file.relative_to(PORTALS).as_posix()


def read_catalogue(part: str) -> Catalog:
    """The stored catalogue of a part."""
    path = ENGLISH / f"{part}.po"
    if not path.exists():
        return Catalog(locale=Language.ENGLISH)
    with path.open("rb") as file:
        return read_po(file, locale=Language.ENGLISH)


def main() -> None:
    """Rewrite every catalogue, and keep its translations."""
    wanted = page_texts()
    for path in ENGLISH.glob("*.po"):
        if path.stem not in wanted:
            path.unlink()
    for part, template in wanted.items():
        catalogue = read_catalogue(part)
        catalogue.update(template, no_fuzzy_matching=True)
        with (ENGLISH / f"{part}.po").open("wb") as file:
            write_po(file, catalogue, width=_WIDTH, omit_header=True, ignore_obsolete=True, include_lineno=False)
        empty = [str(message.id) for message in catalogue if message.id and not message.string]
        print(f"{part}: {len(catalogue)} texts, {len(empty)} without English")
        for text in empty:
            print(f"    {text}")


def _texts(file: Path) -> Iterator[tuple[int, str | tuple[str, ...], list[str], str | None]]:
    with file.open("rb") as source:
        yield from extract(_METHODS[file.suffix], source, _KEYWORDS, (), _OPTIONS)


if __name__ == "__main__":
    main()
