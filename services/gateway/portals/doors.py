"""The four doors of the solution and the open house around them: looks, names and navigation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from services.gateway.auth import Role
from services.gateway.portals.texts import N_


@dataclass(frozen=True)
class Door:
    """One portal. Texts are Danish and translated where they are shown.

    Attributes:
        theme: the design system's style sheet, which also decides the logo at the top.
        portal, portal_name: where that logo leads.
        navigation: (path, text) of each entry of the main menu.
    """

    home: str
    theme: str
    title: str
    portal: str = "/"
    portal_name: str = N_("Socialt frikort, til forsiden")
    navigation: tuple[tuple[str, str], ...] = ()


OPEN_HOUSE: Final = Door(
    home="/",
    theme="dkfds",
    title=N_("Socialt frikort"),
    navigation=(
        ("/", N_("Forside")),
        ("/vejledning/borger", N_("For borgere")),
        ("/vejledning/virksomhed", N_("For virksomheder")),
        ("/vejledning/kommune", N_("For kommuner")),
        ("/vejledning/myndighed", N_("For myndigheder")),
    ),
)

DOORS: Final[dict[Role, Door]] = {
    Role.CITIZEN: Door(
        home="/borger",
        theme="dkfds-borgerdk",
        title=N_("Mit frikort"),
        portal="https://www.borger.dk/",
        portal_name=N_("Gå til borger.dk"),
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
    Role.EMPLOYER: Door(
        home="/virksomhed",
        theme="dkfds-virkdk",
        title=N_("Frikort for virksomheder"),
        portal="https://virk.dk/",
        portal_name=N_("Gå til virk.dk"),
        navigation=(
            ("/virksomhed", N_("Overblik")),
            ("/virksomhed/indberet", N_("Indberet løn")),
            ("/virksomhed/indberetninger", N_("Indberetninger")),
            ("/virksomhed/ansaettelser", N_("Ansættelser")),
            ("/virksomhed/filer", N_("Lønfiler")),
            ("/virksomhed/loensystem", N_("Lønsystemer")),
        ),
    ),
    Role.CASEWORKER: Door(
        home="/kommune",
        theme="dkfds",
        title=N_("Frikort for kommuner"),
        navigation=(
            ("/kommune", N_("Find borger")),
            ("/kommune/nyt-frikort", N_("Udsted frikort")),
            ("/kommune/kontrol", N_("Kontrol")),
        ),
    ),
    Role.AUTHORITY: Door(
        home="/myndighed",
        theme="dkfds",
        title=N_("Frikort for myndigheder"),
        navigation=(("/myndighed", N_("Dataudtræk")), ("/myndighed/nyt-udtraek", N_("Nyt udtræk"))),
    ),
}
