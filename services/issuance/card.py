"""The state of one card in issuance."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from frikort_contracts.values import CardNumber, EncryptedPerson, KeyedHash, MunicipalityCode, Revision, Year
from pydantic import BaseModel, ConfigDict

from services.issuance.numbers import number_alias


@dataclass(frozen=True, slots=True)
class Mandate:
    """A mandate in issuance. It is in force through the day ``until``, unless it is withdrawn."""

    holder: KeyedHash
    until: date
    withdrawn: bool = False

    def in_force(self, today: date) -> bool:
        """Whether the holder may see the card on the Danish day ``today``."""
        return not self.withdrawn and today <= self.until


class Card(BaseModel):
    """A citizen's card, and its mandates by id.

    ``numbers`` are all numbers that the card ever had, the current one last. ``issued`` is the year of issue.
    """

    model_config = ConfigDict(frozen=True)

    card_id: str
    revision: Revision
    numbers: tuple[CardNumber, ...]
    municipality: MunicipalityCode
    person: EncryptedPerson
    active: bool
    issued: Year
    mandates: dict[str, Mandate] = {}

    def next(
        self,
        *,
        numbers: tuple[CardNumber, ...] | None = None,
        municipality: MunicipalityCode | None = None,
        active: bool | None = None,
        mandates: Mapping[str, Mandate] | None = None,
    ) -> Card:
        """The card at its next revision, with these fields changed."""
        return Card(
            card_id=self.card_id,
            revision=self.revision + 1,
            numbers=self.numbers if numbers is None else numbers,
            municipality=self.municipality if municipality is None else municipality,
            person=self.person,
            active=self.active if active is None else active,
            issued=self.issued,
            mandates=self.mandates if mandates is None else dict(mandates),
        )


def aliases(card: Card) -> tuple[str, ...]:
    """The person and every number of the card: the store lets no two cards share one of them."""
    return (person_alias(card.person.cpr_hash), *(number_alias(number) for number in card.numbers))


def person_alias(cpr_hash: str) -> str:
    """The alias of a person's one card."""
    return f"cpr:{cpr_hash}"
