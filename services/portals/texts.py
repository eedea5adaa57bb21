"""Texts in a person's language. The Danish text is the key; English is in ``locale/en/<part>.po``."""

from __future__ import annotations

from functools import cache
from gettext import NullTranslations
from io import BytesIO
from pathlib import Path
from typing import Final

from babel.messages import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import Translations
from starlette.requests import Request

from services.portals.formats import Language

LANGUAGE_COOKIE: Final = "sprog"
ENGLISH: Final = Path(__file__).parent / "locale" / "en"


def language_of(request: Request) -> Language:
    """The language that was chosen on a page; Danish until one is chosen, whatever the browser prefers."""
    chosen = request.cookies.get(LANGUAGE_COOKIE)
    return Language(chosen) if chosen in set(Language) else Language.DANISH


def N_(text: str) -> str:  # noqa: N802 - gettext's own name for it, which Babel's extractor knows
    """Mark a text that is shown later: ``page.gettext`` and a template's ``_`` translate it."""
    return text


@cache
def translations(language: Language) -> NullTranslations:
    """The catalogue of a language: Danish is the key itself, English all parts' catalogues together."""
    if language is Language.DANISH:
        return NullTranslations()
    together = Catalog(locale=language)
    for path in sorted(ENGLISH.glob("*.po")):
        with path.open("rb") as file:
            for message in read_po(file, locale=language):
                if message.id:
                    together.add(message.id, message.string, context=message.context)
    compiled = BytesIO()
    write_mo(compiled, together)
    compiled.seek(0)
    return Translations(compiled)
