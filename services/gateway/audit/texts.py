"""Audit entries as sentences for their reader, in Danish and English. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from frikort_contracts.extracts import Authority
from frikort_contracts.http.audit import AccessPage, AccessResource
from frikort_contracts.http.roles import Role
from frikort_contracts.municipalities import MUNICIPALITIES

from services.gateway.audit.actions import ACTIONS
from services.gateway.audit.log import Access
from services.gateway.formats import Language

_CITIZEN_SELF: Final = ("Borgeren selv", "The citizen")
_NOTHING: Final = (" (intet blev vist eller ændret)", " (nothing was shown or changed)")
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
    accesses: Sequence[Access], following: str | None, language: Language, *, reader: Role = Role.CITIZEN
) -> AccessPage:
    """A page of entries, newest first. The texts address the citizen, or speak of the citizen to a caseworker."""
    return AccessPage(accesses=[_entry(access, language, reader) for access in accesses], next=following)


def _entry(access: Access, language: Language, reader: Role) -> AccessResource:
    english = language is Language.ENGLISH
    text = ACTIONS[access.action]
    what = text.in_language(language) + _of_year(access, english=english)
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
        description=what + (_NOTHING[english] if access.refused else ""),
        refused=access.refused,
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
        case Role.CITIZEN:
            if access.own:
                return "Du selv", "You yourself"
            return "En person, som du har givet fuldmagt", "A person to whom you gave a mandate"


def _of_year(access: Access, *, english: bool) -> str:
    kind, _, rest = access.subject.partition(":")
    if kind != "year":
        return ""
    year = rest.partition(":")[0]
    return f", of {year}" if english else f", for {year}"
