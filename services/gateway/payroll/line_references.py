"""The references of payroll lines, each encrypted with a key of its citizen: when the citizen is erased, so are they.

They are encrypted once, before a line is stored, because a ciphertext is another each time and the command of a line
has the same bytes whenever it is published. So the payroll worker needs no keys of people.
"""

from __future__ import annotations

from collections.abc import Sequence

from frikort_contracts.references import report_id_of

from services.gateway.payroll.lines import InvalidLine, ValidLine
from services.gateway.payroll.queries import ReadModelQueries
from services.gateway.person_encryption import Persons
from services.gateway.read_models import ReadModelInconsistent
from services.runtime.event_loop import EventLoopTurn
from services.runtime.processing.producer import Producer


class LineReferences:
    """Encrypts them."""

    def __init__(self, queries: ReadModelQueries, persons: Persons, producer: Producer) -> None:
        self._queries = queries
        self._persons = persons
        self._producer = producer

    async def encrypted(self, lines: Sequence[ValidLine | InvalidLine]) -> list[ValidLine | InvalidLine]:
        """The lines, the valid ones with their references encrypted. Raises ``ReadModelInconsistent``."""
        people = await self._queries.people({line.card_id for line in lines if isinstance(line, ValidLine)})
        for person in people.values():
            await self._persons.ensure_keys_of(person, self._producer)
        found: list[ValidLine | InvalidLine] = []
        turn = EventLoopTurn()
        for line in lines:
            found.append(self._encrypted(line, people.get(line.card_id)) if isinstance(line, ValidLine) else line)
            await turn.end_if_long()
        return found

    def _encrypted(self, line: ValidLine, person: str | None) -> ValidLine:
        if person is None:
            raise ReadModelInconsistent("an employment refers to an unknown card")
        report_id = report_id_of(line.employment_id, line.reference)
        ciphertext = self._persons.encrypt_reference(line.reference, person, report_id)
        return line._replace(reference="", report_id=report_id, reference_ciphertext=ciphertext)
