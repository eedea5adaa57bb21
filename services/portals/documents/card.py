"""The physical card, for a citizen who has no digital ID or would rather have one in the hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from services.portals.documents.typesetting import qr_code, typeset


@dataclass(frozen=True)
class PhysicalCard:
    """The text of the card; ``reporting`` is the address of the employer's page, the same for every card.

    The card has no CPR number, and its QR code holds nothing personal: a finder learns only what is printed on it.
    """

    number: str
    name: str
    municipality: str
    reporting: str


async def physical_card(card: PhysicalCard, say: Callable[[str], str], language: str) -> bytes:
    """An A4 page (PDF) with the card to cut out; ``say`` translates its Danish texts."""
    data = {
        "language": language,
        "title": say("Dit frikort"),
        "introduction": say(
            "Klip kortet ud langs den stiplede linje, og fold det på midten. Vis det, når du skal arbejde."
        ),
        "scheme": say("Socialt frikort"),
        "number_label": say("Frikortnummer"),
        "number": card.number,
        "name": card.name,
        "issuer": card.municipality,
        "employer_heading": say("Til arbejdsgiveren"),
        "employer_text": say(
            "Registrér ansættelsen, og indberet lønnen på frikortets side. Løn på frikort må ikke indberettes til "
            "eIndkomst. Uden indberetning er lønnen ikke skattefri."
        ),
        "qr": qr_code(card.reporting),
        "qr_alt": say("QR-kode, der fører til arbejdsgiverens side"),
        "qr_text": card.reporting.removeprefix("https://").removeprefix("http://"),
        "how_heading": say("Sådan bruger du kortet"),
        "steps": [
            say("Giv din arbejdsgiver dit frikortnummer og din fødselsdato, gerne før du begynder."),
            say("Arbejdsgiveren registrerer ansættelsen og indberetter din løn, hver gang du har fået den."),
            say("Du beholder hele beløbet, så længe du er under årets beløbsgrænse."),
        ],
        "remember_heading": say("Husk"),
        "remember": [
            say("Mister du kortet, kan kommunen give dig et nyt nummer. Det, du har tjent, bliver stående."),
            say("Kommunen kan fortælle dig, hvor meget du har tilbage i år."),
        ],
    }
    return await typeset("card.typ", data)
