"""Every Danish text of the pages has an English translation, and no catalogue has other texts."""

from __future__ import annotations

import pytest
from babel.messages import Message

from deploy.update_texts import page_texts, read_catalogue
from services.portals.formats import Language
from services.portals.texts import ENGLISH, translations

PARTS = sorted(page_texts())


def texts(part: str) -> list[Message]:
    return [message for message in read_catalogue(part) if message.id]


def test_every_part_has_exactly_one_catalogue() -> None:
    assert sorted(path.stem for path in ENGLISH.glob("*.po")) == PARTS


@pytest.mark.parametrize("part", PARTS)
def test_a_catalogue_has_exactly_the_texts_of_its_pages(part: str) -> None:
    wanted = {(message.id, message.context) for message in page_texts()[part] if message.id}
    assert {(message.id, message.context) for message in texts(part)} == wanted, "run `make texts`"


@pytest.mark.parametrize("part", PARTS)
def test_every_text_is_translated(part: str) -> None:
    empty = [message.id for message in texts(part) if not message.string or message.fuzzy]
    assert empty == []


@pytest.mark.parametrize("part", PARTS)
def test_a_translation_has_the_same_placeholders(part: str) -> None:
    assert {str(message.id): list(message.check()) for message in texts(part) if list(message.check())} == {}


def test_a_text_has_the_same_translation_in_every_part() -> None:
    meanings: dict[object, set[object]] = {}
    for part in PARTS:
        for message in texts(part):
            meanings.setdefault((message.id, message.context), set()).add(message.string)
    assert {text: found for text, found in meanings.items() if len(found) > 1} == {}


def test_english_is_translated_and_danish_is_the_text_itself() -> None:
    assert translations(Language.ENGLISH).gettext("Log af") == "Sign out"
    assert translations(Language.DANISH).gettext("Log af") == "Log af"
