"""Entries of the audit log as an auditor reads them, as resources and as rows of a CSV file. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final, Literal, NamedTuple

from frikort_contracts.http.audit import AuditEntryResource
from frikort_contracts.http.roles import Role
from frikort_contracts.values import COPENHAGEN

from services.gateway.audit import texts
from services.gateway.audit.log import Access
from services.gateway.formats import Language
from services.runtime import csv_writer
from services.runtime.csv_writer import Cell, Dialect

About = Literal["card", "person", "extract", "year", "number", "log"]

DIALECTS: Final[Mapping[Language, Dialect]] = {
    Language.DANISH: csv_writer.DANISH,
    Language.ENGLISH: csv_writer.ENGLISH,
}
_COLUMNS: Final = (
    ("Hvornår (dansk tid)", "When (Danish time)"),
    ("Hvem", "Who"),
    ("Rolle", "Role"),
    ("Organisation", "Organisation"),
    ("Aktør", "Actor"),
    ("Hvad", "What"),
    ("Handling", "Action"),
    ("Formål", "Purpose"),
    ("Resultat", "Result"),
    ("Om", "About"),
    ("Frikort-id", "Card id"),
    ("Person (pseudonym)", "Person (pseudonym)"),
    ("Kommando-id", "Command id"),
    ("Korrelations-id", "Correlation id"),
)
_RESULTS: Final = {"done": ("udført", "done"), "refused": ("afvist", "refused"), "attempted": ("forsøgt", "attempted")}
_ABOUT: Final[Mapping[str, About]] = {
    "card": "card",
    "person": "person",
    "extract": "extract",
    "month": "extract",
    "year": "year",
    "log": "log",
}


class Subject(NamedTuple):
    """Whose data an entry is about: the card, or the CPR hash of a person without one."""

    about: About
    card_id: str | None
    cpr_hash: str | None


def subject_of(access: Access) -> Subject:
    """Whose data an entry is about. A card number that no card has is about ``number``."""
    kind, _, rest = access.subject.partition(":")
    about: About = _ABOUT.get(kind, "number")
    return Subject(about, rest if about == "card" else None, rest if about == "person" else None)


def entry(
    access: Access, language: Language, refused: Mapping[str, bool], pseudonym: Callable[[str], str]
) -> AuditEntryResource:
    """An entry. ``pseudonym`` makes one from a CPR hash; ``refused``: whether commands were refused, by id."""
    shown = texts.entry(access, language, Role.AUDITOR, refused)
    subject = subject_of(access)
    return AuditEntryResource(
        **shown.model_dump(),
        organisation=None if access.role is Role.CITIZEN else access.organisation,
        actor=access.actor,
        about=subject.about,
        card_id=subject.card_id,
        person=None if subject.cpr_hash is None else pseudonym(subject.cpr_hash),
        command_id=access.command,
    )


def csv_header(language: Language) -> str:
    """The first row of a file, with the mark by which Excel reads UTF-8."""
    names = [column[language is Language.ENGLISH] for column in _COLUMNS]
    return csv_writer.BOM + csv_writer.row(names, DIALECTS[language])


def csv_rows(entries: Iterable[AuditEntryResource], language: Language) -> str:
    """The rows of these entries."""
    return "".join(csv_writer.row(_cells(one, language), DIALECTS[language]) for one in entries)


def _cells(one: AuditEntryResource, language: Language) -> list[Cell]:
    result = "attempted" if one.attempted else "refused" if one.refused else "done"
    return [
        f"{one.at.astimezone(COPENHAGEN):%Y-%m-%d %H:%M:%S}",
        one.by,
        one.role,
        one.organisation,
        one.actor,
        one.description,
        one.action,
        one.reason,
        _RESULTS[result][language is Language.ENGLISH],
        one.about,
        one.card_id,
        one.person,
        one.command_id,
        one.correlation_id,
    ]
