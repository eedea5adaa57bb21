"""Audit entries as sentences for their reader, in Danish and English. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date
from types import MappingProxyType
from typing import Final

from frikort_contracts.extracts import Authority
from frikort_contracts.http.audit import AccessPage, AccessResource
from frikort_contracts.http.roles import Role
from frikort_contracts.municipalities import MUNICIPALITIES

from services.gateway.audit.actions import ACTIONS
from services.gateway.audit.log import Access
from services.gateway.formats import Language, month

_CITIZEN_SELF: Final = ("Borgeren selv", "The citizen")
_NOTHING: Final = (" (intet blev vist eller ændret)", " (nothing was shown or changed)")
_ATTEMPTED: Final = (" (forsøgt; resultatet kendes ikke)", " (attempted; the result is not known)")
_AUTHORITIES: Final = {
    Authority.SKAT: ("Skattestyrelsen", "The Danish Tax Agency"),
    Authority.STAR: (
        "Styrelsen for Arbejdsmarked og Rekruttering",
        "The Danish Agency for Labour Market and Recruitment",
    ),
}
_SPECIAL_NAMES: Final = {"101": "Københavns Kommune", "400": "Bornholms Regionskommune"}


_ABOUT_CITIZEN: Final = {
    Language.DANISH: {"du": "borgeren", "dig": "borgeren", "din": "borgerens", "dit": "borgerens", "dine": "borgerens"},
    Language.ENGLISH: {"you": "the citizen", "your": "the citizen's"},
}
"""What a caseworker reads instead of the words that address the citizen."""
_WORD: Final = re.compile(r"\w+")


def page(
    accesses: Sequence[Access],
    following: str | None,
    language: Language,
    *,
    reader: Role = Role.CITIZEN,
    refused: Mapping[str, bool] = MappingProxyType({}),
) -> AccessPage:
    """A page of entries, newest first. The texts address the citizen, or speak of the citizen to a caseworker.

    ``refused``: whether a command was refused, by its id, for the commands that have an outcome.
    """
    return AccessPage(accesses=[entry(access, language, reader, refused) for access in accesses], next=following)


def entry(access: Access, language: Language, reader: Role, refusals: Mapping[str, bool]) -> AccessResource:
    """One entry; ``refusals``: whether commands were refused, by id."""
    english = language is Language.ENGLISH
    refused = access.refused if access.command is None else refusals.get(access.command)
    suffix = _ATTEMPTED if refused is None else _NOTHING if refused else ("", "")
    text = ACTIONS[access.action]
    what = text.in_language(language) + _of_time(access, language)
    who = _who(access)[english]
    if reader is not Role.CITIZEN:
        what = about_citizen(what, language)
        who = _CITIZEN_SELF[english] if access.own else about_citizen(who, language)
    return AccessResource(
        at=access.at,
        by=who,
        role=access.role.value,
        own=access.own,
        action=access.action,
        kind=text.kind,
        description=what + suffix[english],
        refused=bool(refused),
        attempted=refused is None,
        reason=access.reason,
        correlation_id=access.request,
    )


def about_citizen(text: str, language: Language) -> str:
    """A text that addresses the citizen, as a caseworker reads it: `dit frikort` is `borgerens frikort`."""
    words = _ABOUT_CITIZEN[language]
    return _WORD.sub(lambda word: words.get(word[0], word[0]), text)


def _who(access: Access) -> tuple[str, str]:
    """The organisation and role, in Danish and English. The actor's opaque id is not shown."""
    match access.role:
        case Role.CASEWORKER:
            code = access.organisation
            municipality = _SPECIAL_NAMES.get(code, f"{MUNICIPALITIES.get(code, code)} Kommune")
            return f"{municipality}, sagsbehandler", f"{municipality}, caseworker"
        case Role.EMPLOYER:
            return f"Virksomheden CVR {access.organisation}", f"The company CVR {access.organisation}"
        case Role.AUTHORITY:
            return _AUTHORITIES[Authority(access.organisation)]
        case Role.AUDITOR:
            return f"Revisionen ({access.organisation})", f"The audit ({access.organisation})"
        case Role.CITIZEN:
            if access.own:
                return "Du selv", "You yourself"
            return "En person, som du har givet fuldmagt", "A person to whom you gave a mandate"


def _of_time(access: Access, language: Language) -> str:
    """The year or the month of an extract."""
    kind, _, rest = access.subject.partition(":")
    if kind not in {"year", "month"}:
        return ""
    when = rest.partition(":")[0]
    if kind == "month":
        when = month(date.fromisoformat(f"{when}-01"), language)
    return f", of {when}" if language is Language.ENGLISH else f", for {when}"
