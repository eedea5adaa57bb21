"""The checker of money: ledgers, published splits, warnings and statements equal the reference ledger."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from frikort_contracts.topics import (
    AUTHORITY_SKAT,
    AUTHORITY_STAR,
    BALANCE_JOBS,
    BALANCES,
    CAP_WARNINGS,
    CARDS,
    EARNINGS,
)
from frikort_contracts.values import danish_day

from services.balance.ledger import read_entries
from tests.simulation.environment import Environment
from tests.simulation.reference_ledger import Year
from tests.simulation.reference_model import ExpectedEmployments
from tests.simulation.topic_reader import Message, invariant, states


class MoneyCheck:
    """The check of one run.

    ``published`` has the messages by topic, ``employments_by_card`` the expected employments by card.
    """

    def __init__(
        self,
        environment: Environment,
        published: Mapping[str, Sequence[Message]],
        employments_by_card: Mapping[str, ExpectedEmployments],
    ) -> None:
        self.environment = environment
        self.published = published
        self.employments_by_card = employments_by_card
        self.years: dict[tuple[str, int], Year] = defaultdict(Year)
        self.counts: Counter[str] = Counter()

    def check(self) -> Counter[str]:
        """Check everything. Returns counts of events for the coverage check. Raises ``Violation``."""
        self._ledgers()
        self._settlements()
        self._warnings()
        self._statements()
        return self.counts

    def _ledgers(self) -> None:
        """I1 and I3: every ledger equals the reference ledger of the accepted reports, in order of acceptance."""
        settled = self._settled_by_jobs()
        for event in self.published[EARNINGS.name]:
            if "report_id" in event.data and not event.of_dispute:
                key = event.data["card_id"], event.data["year"]
                self._settle(key, settled)
                moved = self.years[key].apply(event)
                self.counts["splits of others moved"] += len(moved)
        for key in list(self.years):
            self._settle(key, settled)
        database = self.environment.database("balance", "ledgers")
        invariant(len(database.documents) == len(self.years), "I3: there are ledgers without a report")
        for (card_id, number), year in self.years.items():
            ledger: Any = database.state(f"{card_id}:{number}")
            invariant(ledger is not None, f"I3: no ledger of {card_id} in {number}")
            found = {e.report_id: (e.total, e.exempt, e.excess) for e in read_entries(ledger)}
            wanted = {n: (e.total, e.exempt, e.total - e.exempt) for n, e in year.lines.items()}
            invariant(found == wanted, f"I3: the ledger {card_id}:{number} is {found} and must be {wanted}")
            invariant(list(found) == list(wanted), f"I3: the ledger {card_id}:{number} has another order of acceptance")
            invariant(year.exempt <= year.allowance, f"more than the allowance is exempt in {card_id}:{number}")
            invariant(
                ledger.allowance_version == year.version, f"{card_id}:{number} has other amounts than {year.version}"
            )
            self._in_force(number, year)
            invariant(ledger.revision == year.changes, f"I3: {card_id}:{number} changed {ledger.revision} times")
            self.counts["split reports"] += sum(0 < line.exempt < line.total for line in year.lines.values())

    def _settled_by_jobs(self) -> dict[tuple[str, int, int], dict[str, Any]]:
        """The job's message that changed each ledger, by card, year and the ledger's revision after it."""
        messages = {message.id: message.data for message in self.published[BALANCE_JOBS.name]}
        return {
            (event.data["card_id"], event.data["year"], event.data["revision"]): messages[event.cause]
            for event in self.published[BALANCES.name]
            if "report_id" not in event.data and event.cause in messages
        }

    def _settle(self, key: tuple[str, int], settled: Mapping[tuple[str, int, int], dict[str, Any]]) -> None:
        """Apply the jobs' messages that changed the ledger next: its revisions give the order of the two topics."""
        year = self.years[key]
        while message := settled.get((*key, year.changes + 1)):
            invariant(year.version < message["allowance_version"], f"older amounts replaced those of {key}")
            year.settle(message["allowance"], message["allowance_version"])
            self.counts["years settled again"] += 1

    def _in_force(self, number: int, year: Year) -> None:
        """After all work, a ledger is split by the amounts in force: the table says so, and no process does."""
        if not year.version:  # only the withdrawal of a report arrived
            return
        environment = self.environment
        in_force = environment.allowances.in_force(number, danish_day(environment.clock.read()))
        # A gateway whose clock is fast opens a ledger with amounts that take effect in a moment.
        invariant(
            in_force is not None and year.version >= in_force.version,
            f"a ledger of {number} is split by {year.version}, and {in_force} is in force",
        )
        amounts = {row.version: row.allowance for row in environment.allowances.years[number]}
        invariant(year.allowance == amounts[year.version], f"{year.version} does not have {year.allowance}")

    def _settlements(self) -> None:
        """The last published split of each report and total of each year equal the reference ledger."""
        last: dict[str, Message] = {}
        totals: dict[tuple[str, int], Message] = {}
        for event in self.published[BALANCES.name]:
            if "report_id" in event.data:
                last[event.data["report_id"]] = event
            else:
                totals[event.data["card_id"], event.data["year"]] = event
        invariant(totals.keys() == self.years.keys(), "I3: the years of totals and of reports differ")
        for key, year in self.years.items():
            total = totals[key].data
            invariant(
                (total["reported"], total["exempt"], total["excess"], total["remaining"])
                == (year.reported, year.exempt, year.reported - year.exempt, year.allowance - year.exempt),
                f"I3: the balance of {key} was published as {total}",
            )
            for report_id, line in year.lines.items():
                split = last[report_id].data
                invariant(
                    (split["total"], split["exempt"]) == (line.total, line.exempt), f"the split of {report_id}: {split}"
                )

    def _warnings(self) -> None:
        """I4: warnings are raised and withdrawn in turn, once for each crossing, and correct at the end."""
        in_force: dict[tuple[str, int], set[str]] = defaultdict(set)
        raised: Counter[tuple[str, int, str]] = Counter()
        for event in self.published[CAP_WARNINGS.name]:
            data = event.data
            key, threshold = (data["card_id"], data["year"]), data["threshold"]
            is_raise = ".raised." in event.type
            invariant((threshold in in_force[key]) != is_raise, f"I4: {threshold} of {key} raised or withdrawn twice")
            in_force[key] ^= {threshold}
            raised[*key, threshold] += is_raise
            self.counts["warnings raised" if is_raise else "warnings withdrawn"] += 1
        for key, year in self.years.items():
            invariant(
                in_force[key] == year.in_force, f"I4: the warnings of {key} are {in_force[key]}, not {year.in_force}"
            )
            for threshold in ("near", "reached", "exceeded"):
                count = raised[*key, threshold]
                invariant(count == year.raised[threshold], f"I4: {threshold} of {key} was raised {count} times")

    def _statements(self) -> None:
        """The last statement to each authority about a card and year equals the reference ledger."""
        homes = {e.data["card_id"]: e.data["municipality"] for e in self.published[CARDS.name]}
        for topic in (AUTHORITY_SKAT, AUTHORITY_STAR):
            last = {(e.data["card_id"], e.data["year"]): e.data for e in self.published[topic.name]}
            for key, year in self.years.items():
                counted = [line for line in year.lines.values() if line.total]
                statement = last.get(key)
                if statement is None:
                    invariant(not counted, f"{topic.name} has no statement of {key}")
                    continue
                invariant(
                    (statement["reported"], statement["exempt"], statement["reports"], statement["municipality"])
                    == (year.reported, year.exempt, len(counted), homes[key[0]]),
                    f"{topic.name} says of {key}: {statement}",
                )
                disputed = self.employments_by_card[key[0]].disputed
                employers = sorted({line.cvr for name, line in year.lines.items() if line.total and name in disputed})
                invariant(
                    statement["disputed"] == bool(employers),
                    f"{topic.name} says of {key}: {statement}; disputed are {disputed}",
                )
                self.counts["statements of a dispute"] += bool(employers)
                if topic is AUTHORITY_SKAT:
                    invariant(
                        statement["disputed_employers"] == employers,
                        f"the disputes of {key}: {employers}, not {statement}",
                    )
                    sums: dict[str, int] = defaultdict(int)
                    for line in counted:
                        sums[line.cvr] += line.exempt
                    found = {e["cvr"]: e["exempt"] for e in statement["employers"]}
                    invariant(found == dict(sums), f"the employers of {key} are stated as {found}")
                    self.counts["statements"] += 1
        for card in states(self.environment.database("exports", "statements")):
            invariant(not card.pending_years, f"the years {card.pending_years} of the card {card.card_id} are pending")
