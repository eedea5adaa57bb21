"""The portals, one for each role, and the public pages: theme, title and navigation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from frikort_contracts.http.roles import Role

from services.portals.texts import N_


@dataclass(frozen=True)
class Portal:
    """One portal. Texts are Danish and translated where they are shown.

    Attributes:
        theme: the design system's style sheet, which also decides the logo at the top.
        site, site_label: where that logo leads, and its text.
        navigation: (path, text) of each entry of the main menu.
    """

    home: str
    theme: str
    title: str
    site: str = "/"
    site_label: str = N_("Socialt frikort, til forsiden")
    navigation: tuple[tuple[str, str], ...] = ()


PUBLIC: Final = Portal(
    home="/",
    theme="dkfds",
    title=N_("Socialt frikort"),
    navigation=(
        ("/", N_("Forside")),
        ("/vejledning/borger", N_("For borgere")),
        ("/vejledning/virksomhed", N_("For virksomheder")),
        ("/vejledning/kommune", N_("For kommuner")),
        ("/vejledning/myndighed", N_("For myndigheder")),
        ("/statistik", N_("Statistik")),
    ),
)

PORTALS: Final[dict[Role, Portal]] = {
    Role.CITIZEN: Portal(
        home="/borger",
        theme="dkfds-borgerdk",
        title=N_("Mit frikort"),
        site="https://www.borger.dk/",
        site_label=N_("Gå til borger.dk"),
        navigation=(
            ("/borger", N_("Mit frikort")),
            ("/borger/loen", N_("Løn")),
            ("/borger/arbejde", N_("Arbejde")),
            ("/borger/fuldmagter", N_("Fuldmagter")),
            ("/borger/paa-vegne-af", N_("På vegne af andre")),
            ("/borger/hvem-har-set", N_("Hvem har set?")),
            ("/borger/mine-data", N_("Hent mine data")),
        ),
    ),
    Role.EMPLOYER: Portal(
        home="/virksomhed",
        theme="dkfds-virkdk",
        title=N_("Frikort for virksomheder"),
        site="https://virk.dk/",
        site_label=N_("Gå til virk.dk"),
        navigation=(
            ("/virksomhed", N_("Overblik")),
            ("/virksomhed/indberet", N_("Indberet løn")),
            ("/virksomhed/indberetninger", N_("Indberetninger")),
            ("/virksomhed/ansaettelser", N_("Ansættelser")),
            ("/virksomhed/filer", N_("Lønfiler")),
            ("/virksomhed/loensystem", N_("Lønsystemer")),
        ),
    ),
    Role.CASEWORKER: Portal(
        home="/kommune",
        theme="dkfds",
        title=N_("Frikort for kommuner"),
        navigation=(
            ("/kommune", N_("Find borger")),
            ("/kommune/nyt-frikort", N_("Udsted frikort")),
            ("/kommune/indsigelser", N_("Indsigelser")),
            ("/kommune/kontrol", N_("Kontrol")),
        ),
    ),
    Role.AUTHORITY: Portal(
        home="/myndighed",
        theme="dkfds",
        title=N_("Frikort for myndigheder"),
        navigation=(
            ("/myndighed", N_("Dataudtræk")),
            ("/myndighed/nyt-udtraek", N_("Nyt udtræk")),
            ("/myndighed/afstemning", N_("Afstemning")),
        ),
    ),
    Role.AUDITOR: Portal(
        home="/revision",
        theme="dkfds",
        title=N_("Frikort for revision"),
        navigation=(("/revision", N_("Søg i loggen")),),
    ),
}
