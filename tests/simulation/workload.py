"""The workload of one run: concurrent clients of all roles, who use the system as the gateway's routes allow.

Each citizen gets a card and works for some employers, while caseworkers change the card and the citizen disputes
reports. Some commands are wrong on purpose. The seed decides all of it.
"""

from __future__ import annotations

from typing import Final
from uuid import UUID, uuid5

from frikort_contracts.values import EncryptedPerson

from tests.simulation.citizens import Citizens
from tests.simulation.clients import Clients
from tests.simulation.environment import Environment
from tests.simulation.offices import MUNICIPALITIES, Offices
from tests.simulation.payroll import EMPLOYERS, Payroll

PERSONS: Final = UUID("4d0a2b3c-0000-4000-8000-000000000000")


class Workload:
    """Starts all clients of one run. ``citizens`` is one to four by default; ``steps`` scales their actions."""

    def __init__(self, environment: Environment, seed: int, steps: float = 1.0, citizens: int | None = None) -> None:
        self._clients = clients = Clients(environment, seed)
        self.rng = clients.rng
        self.history = clients.history
        self._steps = steps
        persons = [_person(f"{seed}-{n}") for n in range(citizens or self.rng.choice((1, 2, 3, 4)))]
        self._offices = Offices(clients)
        self._payroll = Payroll(clients, steps)
        self._citizens = Citizens(clients, self._payroll, [*persons, *(2 * len(persons) * [_person(f"{seed}-friend")])])
        for number, person in enumerate(persons):
            clients.start(f"citizen-{number}", self._life(number, person))

    def is_done(self) -> bool:
        """Whether all clients are done."""
        return self._clients.busy == 0

    async def _life(self, number: int, person: EncryptedPerson) -> None:
        """Issue a card, start its employers and its citizen's disputes, and change the card."""
        rng, clients = self.rng, self._clients
        homes = [rng.choice(MUNICIPALITIES)]
        if rng.random() < 0.3:  # two caseworkers at once, perhaps of two municipalities
            homes.append(rng.choice(MUNICIPALITIES))
        for index, home in enumerate(homes):
            clients.start(f"issue-{number}-{index}", self._offices.issue_card(home, person))
        await clients.until(lambda: clients.card_of(person) is not None, 6000)
        card = clients.card_of(person)
        if card is None:
            return
        for cvr in rng.sample(EMPLOYERS, rng.choice((1, 1, 2, 3))):
            clients.start(f"employer-{number}-{cvr}", self._payroll.employ(cvr, person, card.card_id))
        if rng.random() < 0.3:
            clients.start(f"again-{number}", self._offices.issue_card(rng.choice(MUNICIPALITIES), person))
        clients.start(f"side-{number}", self._dispute(card.card_id))
        if rng.random() < 0.7:
            clients.start(f"disputes-{number}", self._citizens.dispute_new_reports(card.card_id))
        for _ in range(int(rng.choice((0, 2, 6)) * self._steps)):
            await clients.think()
            await self._offices.change_card(card.card_id)
        if rng.random() < 0.3:
            await self._offices.request_extract()

    async def _dispute(self, card_id: str) -> None:
        """Act for the citizen: disputes and mandates."""
        for _ in range(int(self.rng.choice((0, 3, 6, 9)) * self._steps)):
            for _ in range(3):
                await self._clients.think()
            await self._citizens.act(card_id)


def _person(name: str) -> EncryptedPerson:
    digits = uuid5(PERSONS, name).hex[:22]
    return EncryptedPerson(cpr_hash=digits, birth_check=digits[::-1], ciphertext="k.ciphertext")
