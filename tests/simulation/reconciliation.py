"""The checker: the invariants of a run, after all work has finished.

A reference model computes the expected state from the topics, independently of the code under test. It is compared
with the topics, the documents, the read models and the answers that clients received. README.md lists the invariants
I1 to I6.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from typing import Any, Final

from frikort_contracts.topics import (
    AUTHORITY_SKAT,
    AUTHORITY_STAR,
    BALANCE_JOBS,
    BALANCES,
    CARDS,
    EARNINGS,
    EXPORTS_JOBS,
    EXTRACT_REQUESTS,
    FEED_JOBS,
    ISSUANCE_COMMANDS,
    OUTCOMES,
    RECONCILIATION,
    REPORTING_COMMANDS,
    TOPICS,
)

from services.runtime.processing.batch_processor import last_of_each_key
from services.runtime.processing.dead_letters import FACTS, Origin
from services.runtime.processing.positions import Partition
from services.runtime.reconciliation import NAME as COUNTING
from tests.runtime.memory import by_id
from tests.simulation import citizen_check, feed_check, history_check, job_check
from tests.simulation.environment import Environment, origin_of
from tests.simulation.fault_schedule import is_injected
from tests.simulation.money_check import MoneyCheck
from tests.simulation.reference_ledger import Year
from tests.simulation.reference_model import ACCEPTED, ExpectedCard, ExpectedEmployments, danish, facts_of
from tests.simulation.topic_reader import Message, distinct_messages, invariant, states, subject_of
from tests.simulation.workload import Workload

COMMAND_TOPICS: Final = (ISSUANCE_COMMANDS, REPORTING_COMMANDS, EXTRACT_REQUESTS)

FEEDS: Final = (AUTHORITY_SKAT, AUTHORITY_STAR)
"""Topics whose revisions may skip numbers: a revision follows from what a statement contains."""

FEW_NUMBERS: Final = 8  # instead of 99,999, so that cards collide in a number and the numbers run out


def check(environment: Environment, workload: Workload) -> Counter[str]:
    """Check every invariant. Returns counts of events for the coverage check. Raises ``Violation``."""
    return Reconciliation(environment, workload).check()


def check_no_repeats(environment: Environment) -> None:
    """Check that every event was published once. Only for runs without faults; clients repeat commands in any run."""
    for topic in TOPICS:
        if topic in COMMAND_TOPICS:
            continue
        ids = Counter(dict(record.headers)["ce_id"] for record in environment.broker.all(topic.name))
        repeated = [message_id.decode() for message_id, count in ids.items() if count > 1]
        invariant(not repeated, f"published twice on {topic.name} without a fault: {repeated}")


class Reconciliation:
    """The checks of one run, which build the expected state as they go."""

    def __init__(self, environment: Environment, workload: Workload) -> None:
        self.environment = environment
        self.workload = workload
        self.counts: Counter[str] = Counter()
        self.published = {topic.name: list(distinct_messages(environment.broker.all(topic.name))) for topic in TOPICS}
        self.commands = {m.id: m for topic in COMMAND_TOPICS for m in self.published[topic.name]}
        self.outcomes: dict[str, Message] = {}
        self.expected_cards: dict[str, ExpectedCard] = {}
        self.employments_by_card: dict[str, ExpectedEmployments] = {}

    def check(self) -> Counter[str]:
        self._no_lag()
        self._one_content_for_each_id()
        self._dead_letters()
        self._one_outcome_for_each_command()
        self._revisions()
        self._cards()
        self._issuance_decisions()
        self._reporting_decisions()
        self._accepted_commands_are_published()
        self.counts += citizen_check.check(
            self.environment,
            self.published[EARNINGS.name],
            self.commands,
            self.employments_by_card,
            self.expected_cards,
        )
        money = MoneyCheck(self.environment, self.published, self.employments_by_card)
        self.counts += money.check()
        self._read_models(money.years)
        environment = self.environment
        self.counts["jobs done"] += job_check.check_jobs(environment.document_jobs, self.published[EXPORTS_JOBS.name])
        self.counts["feeds filled"] += job_check.check_jobs(environment.feed_jobs, self.published[FEED_JOBS.name])
        self.counts["settlements done"] += job_check.check_jobs(
            environment.balance_jobs, self.published[BALANCE_JOBS.name]
        )
        self.counts += job_check.check_statements(self.published)
        self.counts += history_check.check(environment, self.published)
        self.counts += feed_check.check(environment, self.published, money.years)
        self._outboxes()
        self._answers()
        return self.counts

    def _no_lag(self) -> None:
        for group in self.environment.groups():
            invariant(not group.lag(), f"liveness: {group.name} is idle and has not read {group.lag()}")

    def _one_content_for_each_id(self) -> None:
        for topic in TOPICS:
            records = [r for r in self.environment.broker.all(topic.name) if not is_injected(r)]
            contents = by_id(records)
            self.counts["records published twice"] += len(records) - len(contents)
            for message_id, found in contents.items():
                invariant(len(found) == 1, f"I2: {message_id} on {topic.name} has {len(found)} contents")

    def _dead_letters(self) -> None:
        consumed: dict[str, list[tuple[str, str]]] = defaultdict(list)
        for service in self.environment.services.values():
            for name, database in service.databases.items():
                for topic in database.processor.topics:
                    consumed[topic.name].append((service.name, name))
            if service.counting is not None:
                consumed[RECONCILIATION.name].append((service.name, COUNTING))
        expected = {Origin(*place, *reader) for place in self.environment.invalid for reader in consumed[place[0]]}
        found: dict[Origin, set[int]] = defaultdict(set)
        for topic in TOPICS:
            for dead in self.environment.broker.all(topic.dead):
                origin = origin_of(dead)
                found[origin].add(int(dict(dead.headers)["dead_replay"]))
                original = self.environment.broker.partitions[Partition(origin.topic, origin.partition)][origin.offset]
                same = (dead.key, dead.value, dead.headers[: -len(FACTS)]) == original[3:]
                invariant(same, f"the dead letter {origin} differs from the original record")
        self.counts["dead letters"] += len(found)
        invariant(
            found.keys() == expected,
            f"dead letters: missing {sorted(expected - found.keys())}, unexplained {sorted(found.keys() - expected)}",
        )
        for origin, replays in found.items():
            read = {0, *self.environment.replays[origin]}
            invariant(replays == read, f"the replays {sorted(read)} of {origin} were rejected as {sorted(replays)}")

    def _one_outcome_for_each_command(self) -> None:
        for outcome in self.published[OUTCOMES.name]:
            command_id = outcome.data["command_id"]
            invariant(command_id not in self.outcomes, f"I2: the command {command_id} has two outcomes")
            invariant(command_id in self.commands, f"I1: an outcome of {command_id}, which no client sent")
            self.outcomes[command_id] = outcome
            problem = outcome.data.get("problem")
            self.counts["accepted" if problem is None else f"refused: {problem}"] += 1
            self.counts["already_reported"] += bool(outcome.data.get("already_reported"))
            self.counts["dry runs"] += bool(outcome.data.get("dry_run"))
            self.counts["commands deferred"] += outcome.cause != command_id
            self.counts["commands"] += 1
        for command_id in self.commands:
            invariant(command_id in self.outcomes, f"I2: the command {command_id} has no outcome")
            invariant(command_id in self.workload.history.sent, f"I1: the command {command_id} was never sent")
            invariant(command_id in self.workload.history.recorded, f"the command {command_id} is in no audit log")
        for command_id, what in self.workload.history.acknowledged.items():
            invariant(command_id in self.commands, f"I6: {command_id} ({what}) was acknowledged and is not in the log")

    def _revisions(self) -> None:
        """I5: the revisions of each subject are in order in the topic, and have no gap but in statements."""
        subjects = (
            (CARDS, "card_id", ""),
            (EARNINGS, "employment_id", "employment"),
            (EARNINGS, "report_id", "earnings"),
            (EARNINGS, "report_id", "report"),
            (BALANCES, "card_id", "balance"),
            (AUTHORITY_SKAT, "card_id", ""),
            (AUTHORITY_STAR, "card_id", ""),
        )
        for topic, subject, kind in subjects:
            seen: dict[tuple[str, Any], int] = {}
            for event in self.published[topic.name]:
                if kind and f".{kind}." not in event.type:
                    continue
                name = event.data[subject], None if topic in (CARDS, EARNINGS) else event.data["year"]
                expected, found = seen.get(name, 0) + 1, event.data["revision"]
                invariant(
                    found == expected or (found > expected and topic in FEEDS),
                    f"I5: {event.type} of {name} has revision {found} where {expected} comes next",
                )
                seen[name] = found

    def _cards(self) -> None:
        persons: set[str] = set()
        numbers: set[str] = set()
        issued: dict[str, str] = {}
        for event in self.published[CARDS.name]:
            if event.type == "dk.frikort.card.issued.v1":
                person = event.data["person"]["cpr_hash"]
                invariant(person not in persons, "a person has two cards")
                persons.add(person)
                issued[event.data["card_id"]] = event.data["active_from"][:4]
            if "number" in event.data:
                invariant(event.data["number"] not in numbers, f"the number {event.data['number']} is used twice")
                numbers.add(event.data["number"])
            if event.type == "dk.frikort.card.control-recorded.v1":
                year = issued[event.data["card_id"]]
                invariant(
                    str(event.data["year"]) > year, f"a control in {event.data['year']} of a card issued in {year}"
                )

    def _issuance_decisions(self) -> None:
        scarce, numbers = (
            "card-numbers-exhausted",
            {e.data["number"] for e in self.published[CARDS.name] if "number" in e.data},
        )
        cards = self.expected_cards
        persons: set[str] = set()
        # A card is issued before any other command about it, which may be in another partition.
        for command in sorted(self.published[ISSUANCE_COMMANDS.name], key=lambda c: c.kind != "card.issue"):
            outcome, data = self.outcomes[command.id].data, command.data
            if command.kind == "card.issue":
                person = data["person"]["cpr_hash"]
                verdict = ACCEPTED if person not in persons else "card-exists"
                if "problem" not in outcome:
                    persons.add(person)
                    cards[outcome["card_id"]] = ExpectedCard(data["municipality"], danish(command.time).year, person)
            else:
                verdict = cards[data["card_id"]].verdict(command.kind, data, command.time, outcome)
            found = outcome.get("problem", ACCEPTED)
            if found == scarce and verdict == ACCEPTED and command.kind in ("card.issue", "card.replace-number"):
                verdict = scarce if len(numbers) == FEW_NUMBERS else verdict
            invariant(found == verdict, f"{command.kind} {command.id} was {found} and must be {verdict}")

    def _reporting_decisions(self) -> None:
        events: dict[str, list[Message]] = defaultdict(list)
        for event in self.published[CARDS.name]:
            events[event.data["card_id"]].append(event)
        facts = {
            card: facts_of((e.type.split(".")[3], e.data) for e in published) for card, published in events.items()
        }
        known: dict[str, int] = defaultdict(lambda: 1)
        accepted: dict[str, list[tuple[str, int]]] = defaultdict(list)
        for command in self.published[REPORTING_COMMANDS.name]:
            card, outcome = command.data["card_id"], self.outcomes[command.id].data
            expected = self.employments_by_card.setdefault(
                card,
                ExpectedEmployments(
                    self.environment.allowances, self.environment.provisional_accepted, self.environment.most_a_year
                ),
            )
            found = outcome.get("problem", ACCEPTED)
            at_least = max(known[card], command.data.get("card_revision", 0))
            verdicts = {
                revision: expected.verdict(command.kind, command.data, command.time, facts[card][revision - 1])
                for revision in range(at_least, len(facts[card]) + 1)
            }
            explained = [revision for revision, verdict in verdicts.items() if verdict == found]
            invariant(
                bool(explained), f"{command.kind} {command.id} was {found}; by card revision it must be {verdicts}"
            )
            known[card] = explained[0]
            if found == ACCEPTED:
                before = {name: report.disputes for name, report in expected.reports.items()}
                expected.apply(command.kind, command.data, outcome)
                if not outcome.get("already_reported") and not outcome.get("dry_run") and "dispute" not in command.kind:
                    accepted[card].append(subject_of(outcome))
                for name, report in expected.reports.items():
                    revisions = range(before.get(name, 0) + 1, report.disputes + 1)
                    accepted[card] += [(f"dispute of {name}", revision) for revision in revisions]
        published: dict[str, list[tuple[str, int]]] = defaultdict(list)
        for event in self.published[EARNINGS.name]:
            published[event.data["card_id"]].append(event.subject)
        for card, order in accepted.items():
            invariant(
                published[card] == order,
                f"I5: accepted for {card} in the order {order}, published as {published[card]}",
            )

    def _accepted_commands_are_published(self) -> None:
        """I1: each accepted command has exactly one event with its content, and there are no other events."""
        earnings = [e for e in self.published[EARNINGS.name] if not e.of_dispute]
        published = Counter((e.data["report_id"], e.data["revision"]) for e in earnings if "report_id" in e.data)
        published |= Counter(
            (e.data["employment_id"], e.data["revision"]) for e in earnings if "report_id" not in e.data
        )
        published |= Counter((e.data["card_id"], e.data["revision"]) for e in self.published[CARDS.name])
        content = {(e.data["report_id"], e.data["revision"]): e.data for e in earnings if "report_id" in e.data}
        for command_id, outcome in self.outcomes.items():
            data, command = outcome.data, self.commands[command_id]
            if (
                "problem" in data
                or data.get("already_reported")
                or data.get("dry_run")
                or command.type.startswith("dk.frikort.extract")
                or "dispute" in command.kind
            ):
                continue
            subject = data.get("report_id") or data.get("employment_id") or data["card_id"], data["revision"]
            invariant(
                published[subject] == 1,
                f"I2: {command.type} was accepted as {subject} and published {published[subject]} times",
            )
            published[subject] -= 1
            event = content.get((data.get("report_id"), data["revision"]))
            for name in ("components", "payment_date", "work", "reference_ciphertext", "card_id"):
                if event is not None and name in command.data:
                    invariant(event[name] == command.data[name], f"I1: {command_id} said {name} {command.data[name]}")
        extra = +published
        invariant(not extra, f"I1: published without an accepted command: {extra}")

    def _read_models(self, years: Mapping[tuple[str, int], Year]) -> None:
        """The read models of the gateway equal the state of the services."""
        gateway = self.environment.services["gateway"].databases
        for card in states(self.environment.database("issuance", "cards")):
            view = gateway["cards"].state(card.card_id)
            shown = view and (view.revision, view.number, view.municipality, view.active, len(view.history))
            true = card.revision, card.numbers[-1], card.municipality, card.active, card.revision
            invariant(shown == true, f"the card {card.card_id} is shown as {shown} and is {true}")
        employments = {
            e.data["employment_id"]: e.data for e in self.published[EARNINGS.name] if "report_id" not in e.data
        }
        for employment_id, data in employments.items():
            shown = gateway["employments"].state(employment_id)
            invariant(
                shown is not None
                and (shown.revision, shown.period.model_dump(mode="json")) == (data["revision"], data["period"]),
                f"the employment {employment_id} is shown as {shown}",
            )
        for (card_id, number), year in years.items():
            ledger: Any = gateway["ledgers"].state(f"{card_id}:{number}")
            totals = ledger and ledger.totals and (ledger.totals.reported, ledger.totals.exempt)
            invariant(totals == (year.reported, year.exempt), f"the ledger {card_id}:{number} is shown as {totals}")
            invariant(
                ledger.is_consistent and set(ledger.warned) == year.in_force,
                f"the warnings of {card_id}:{number}: {ledger}",
            )
            for report_id, line in year.lines.items():
                report: Any = gateway["reports"].state(report_id)
                split = report and report.settlement and (report.settlement.total, report.settlement.exempt)
                invariant(split == (line.total, line.exempt), f"the report {report_id} is shown as {split}")
                revisions = [entry.revision for entry in report.history if "dispute" not in entry.event]
                invariant(revisions == list(range(1, line.revision + 1)), f"the history of {report_id} is not whole")
        for command_id, outcome in self.outcomes.items():
            shown = gateway["outcomes"].state(command_id)
            invariant(
                shown is not None and shown.problem == outcome.data.get("problem"),
                f"the outcome of {command_id}: {shown}",
            )

    def _outboxes(self) -> None:
        """Every event of an outbox is published, and no command is still deferred."""
        for service in self.environment.services.values():
            for database in service.databases.values():
                for name in database.documents:
                    outbox = [record for pending in database.read(name).outbox for record in pending.entry.records()]
                    for record in last_of_each_key(outbox):
                        place = self.environment.broker.partitions.get(self.environment.broker.partition_of(record), ())
                        invariant(
                            any(
                                (r.key, r.value, r.headers) == (record.key, record.value, record.headers) for r in place
                            ),
                            f"I2: {name} of {service.name} has an event that is not published",
                        )
        for card in states(self.environment.database("reporting", "card_states")):
            deferred = len(card.deferred)
            invariant(not deferred, f"{deferred} commands of the card {card.card_id} are still deferred")

    def _answers(self) -> None:
        for command_id, answers in self.workload.history.answers.items():
            invariant(len(answers) == 1, f"the command {command_id} was answered in {len(answers)} ways")
        for command_id, stored in self.environment.commands.stored.items():
            answered = stored.response is not None
            invariant(not answered or command_id in self.commands, f"I6: {command_id} is answered and not in the log")
