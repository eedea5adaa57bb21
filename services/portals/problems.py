"""Problems that the portals themselves answer with. Texts are Danish and translated where they are shown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from services.portals.texts import N_


class Problem(NamedTuple):
    """An HTTP status, what is wrong, and what the person can do."""

    status: int
    title: str
    remedy: str


_NOT_FOUND: Final = (
    N_("Vi kan ikke finde siden"),
    N_("Måske er adressen skrevet forkert, eller siden er flyttet. Gå til forsiden, og find vej derfra."),
)
_UNAVAILABLE: Final = (
    N_("Vi kan ikke vise siden lige nu"),
    N_(
        "Noget af systemet er nede eller har travlt. Det, som du har fået kvittering for, er gemt. Vent et øjeblik, og "
        "prøv igen."
    ),
)

PROBLEMS: Final = {
    "not-found": Problem(404, *_NOT_FOUND),
    "method-not-allowed": Problem(405, *_NOT_FOUND),
    "invalid-request": Problem(422, *_NOT_FOUND),
    "malformed-request": Problem(400, *_NOT_FOUND),
    "body-too-large": Problem(413, N_("Det, du sendte, er for stort"), N_("Gå tilbage, og send en mindre fil.")),
    "request-timeout": Problem(
        408, N_("Det, du sendte, kom for langsomt"), N_("Din forbindelse er langsom lige nu. Prøv igen om lidt.")
    ),
    "too-many-requests": Problem(429, N_("For mange forespørgsler på én gang"), N_("Vent et øjeblik, og prøv igen.")),
    "internal-error": Problem(
        500,
        N_("Der skete en fejl hos os"),
        N_("Fejlen er vores. Det, som du har fået kvittering for, er gemt. Prøv igen om lidt."),
    ),
    "temporarily-unavailable": Problem(503, *_UNAVAILABLE),
    "too-busy": Problem(503, *_UNAVAILABLE),
    "too-many-attempts": Problem(
        429,
        N_("Der er prøvet for mange gange"),
        N_("Vent lidt, og prøv igen. Ventetiden vokser for hvert forkert forsøg."),
    ),
    "role-not-allowed": Problem(403, N_("Rollen giver ikke adgang"), N_("Log ind i den rolle, som siden er til for.")),
    "login-required": Problem(
        401,
        N_("Du er ikke logget på"),
        N_("Log på igen. Efter en pause bliver du logget af, så andre ikke kan se dine oplysninger."),
    ),
    "login-cancelled": Problem(400, N_("Du afbrød login"), N_("Log på igen, når du vil.")),
    "login-failed": Problem(
        400,
        N_("Login lykkedes ikke"),
        N_("Begynd forfra med at logge på. Det sker, når login tager for lang tid, eller siden er åben i flere faner."),
    ),
    "login-role-missing": Problem(
        403,
        N_("Dit login giver ikke adgang her"),
        N_(
            "Vælg den indgang, der passer til dig, eller log på som en anden. Mangler du en rettighed, kan din "
            "administrator give den."
        ),
    ),
    "login-unavailable": Problem(
        503,
        N_("Man kan ikke logge på lige nu"),
        N_("Login-tjenesten svarer ikke. Prøv igen om nogle minutter; intet er gået tabt."),
    ),
    "form-refused": Problem(
        403,
        N_("Formularen blev ikke sendt fra din egen side"),
        N_("Gå tilbage, hent siden igen, og send formularen derfra. Intet er ændret."),
    ),
}


class ProblemError(Exception):
    """Answer the request with the problem ``code``, one of ``PROBLEMS``."""

    def __init__(self, code: str, *, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.headers = dict(headers or {})
