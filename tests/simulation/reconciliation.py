"""The oracle: what must be true of every run once it has come to rest.

It reads what is durable (the log, the documents) and what the clients saw, and works everything out anew, naively,
without the code that it checks. The letters I1 to I7 are those of the design's list of faults.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any, Final

from frikort_contracts.topics import (
    AUTHORITY_SKAT,
    AUTHORITY_STAR,
    BALANCES,
    CAP_WARNINGS,
    CARDS,
    EARNINGS,
    EXPORTS_COMMANDS,
    ISSUANCE_COMMANDS,
    OUTCOMES,
    REPORTING_COMMANDS,
    TOPICS,
)

from services.balance.ledger import read_entries
from tests.runtime.memory import by_id
from tests.simulation import job_check, sides
from tests.simulation.environment import Environment
from tests.simulation.fault_schedule import POISON
from tests.simulation.reference_model import ACCEPTED, CardBook, CardFile, danish, facts_of
from tests.simulation.topic_reader import Message, first, law, states, subject_of
from tests.simulation.workload import Population

COMMAND_TOPICS: Final = (ISSUANCE_COMMANDS, REPORTING_COMMANDS, EXPORTS_COMMANDS)

FEW_NUMBERS: Final = 8  # instead of 99,999, so that two cards want the same one, and now and then there is none left


@dataclass
class Line:
    """One report in the naive ledger."""

    total: int
    revision: int
    cvr: str
    exempt: int = 0


@dataclass
class Year:
    """The naive ledger of one card and year: what was told of it, in the order in which it was told."""

    lines: dict[str, Line] = field(default_factory=dict)
    allowance: int = 0
    changes: int = 0
    standing: set[str] = field(default_factory=set)
    raised: Counter[str] = field(default_factory=Counter)
    withdrawn: Counter[str] = field(default_factory=Counter)

    def take(self, event: Message) -> list[str]:
        """Enter an event. Returns the reports of others whose split changed by it."""
        data, before = event.data, {name: line.exempt for name, line in self.lines.items()}
        line = self.lines.setdefault(data["report_id"], Line(0, 0, data["cvr"]))
        line.total, line.revision = data.get("total", 0), data["revision"]
        self.allowance = data.get("allowance", self.allowance)
        self.changes += 1
        left = self.allowance
        for each in self.lines.values():
            each.exempt = max(0, min(each.total, left))
            left -= each.exempt
        self._warn()
        return [n for n, e in before.items() if n != data["report_id"] and self.lines[n].exempt != e]

    @property
    def reported(self) -> int:
        return sum(line.total for line in self.lines.values())

    @property
    def exempt(self) -> int:
        return sum(line.exempt for line in self.lines.values())

    def _warn(self) -> None:
        if not self.allowance:
            return
        true = {
            name
            for name, is_true in (
                ("near", self.reported * 10 >= self.allowance * 8),
                ("reached", self.reported >= self.allowance),
                ("exceeded", self.reported > self.allowance),
            )
            if is_true
        }
        self.raised.update(true - self.standing)
        self.withdrawn.update(self.standing - true)
        self.standing = true


def check(environment: Environment, people: Population) -> Counter[str]:
    """Check every law. Returns what happened, for the liveness counters. Raises ``Violation``."""
    return Books(environment, people).check()


def check_no_repeats(environment: Environment) -> None:
    """Without a fault every event is in the log once. Commands are left out: clients send them again."""
    for topic in TOPICS:
        if topic in COMMAND_TOPICS:
            continue
        ids = Counter(dict(record.headers)["ce_id"] for record in environment.broker.all(topic.name))
        repeated = [message_id.decode() for message_id, count in ids.items() if count > 1]
        law(not repeated, f"published twice on {topic.name} without a fault: {repeated}")


class Books:
    """The books of one run."""

    def __init__(self, environment: Environment, people: Population) -> None:
        self.environment = environment
        self.people = people
        self.counts: Counter[str] = Counter()
        self.told = {topic.name: list(first(environment.broker.all(topic.name))) for topic in TOPICS}
        self.commands = {m.id: m for topic in COMMAND_TOPICS for m in self.told[topic.name]}
        self.outcomes: dict[str, Message] = {}
        self.years: dict[tuple[str, int], Year] = defaultdict(Year)
        self.files: dict[str, CardFile] = {}
        self.books: dict[str, CardBook] = {}

    def check(self) -> Counter[str]:
        self._everything_is_read()
        self._one_content_for_each_id()
        self._dead_letters()
        self._one_outcome_for_each_command()
        self._revisions()
        self._cards()
        self._issuance_decided_rightly()
        self._reporting_decided_rightly()
        self._what_was_accepted_was_told()
        self.counts += sides.check(self.environment, self.told[EARNINGS.name], self.commands, self.books, self.files)
        self._ledgers()
        self._settlements()
        self._warnings()
        self._read_models()
        self._statements()
        self.counts += job_check.check(
            self.environment.document_jobs, self.told, self.environment.database("exports", "statements")
        )
        self._outboxes()
        self._answers()
        return self.counts

    def _everything_is_read(self) -> None:
        for group in self.environment.groups():
            law(not group.lag(), f"liveness: {group.name} is at rest and has not read {group.lag()}")

    def _one_content_for_each_id(self) -> None:
        for topic in TOPICS:
            records = [r for r in self.environment.broker.all(topic.name) if r.value != POISON]
            contents = by_id(records)
            self.counts["records published twice"] += len(records) - len(contents)
            for message_id, found in contents.items():
                law(len(found) == 1, f"I2: {message_id} on {topic.name} has {len(found)} contents")

    def _dead_letters(self) -> None:
        consumed: dict[str, list[str]] = defaultdict(list)
        for service in self.environment.services.values():
            for name, database in service.databases.items():
                for topic in database.processor.topics:
                    consumed[topic.name].append(f"{service.name}/{name}")
        expected = {(*place, reader) for place in self.environment.poison for reader in consumed[place[0]]}
        found = set()
        for topic in TOPICS:
            for dead in self.environment.broker.all(topic.dead):
                facts = {name: value.decode() for name, value in dead.headers if name.startswith("dead_")}
                place = (facts["dead_topic"], int(facts["dead_partition"]), int(facts["dead_offset"]))
                found.add((*place, f"{facts['dead_service']}/{facts['dead_processor']}"))
                original = self.environment.broker.partitions[place[0], place[1]][place[2]]
                law(dead.value == original.value, f"a dead letter of {place} is not what was put aside")
        self.counts["dead letters"] += len(found)
        law(
            found == expected,
            f"dead letters: missing {sorted(expected - found)}, unexplained {sorted(found - expected)}",
        )

    def _one_outcome_for_each_command(self) -> None:
        for outcome in self.told[OUTCOMES.name]:
            command_id = outcome.data["command_id"]
            law(command_id not in self.outcomes, f"I2: the command {command_id} has two outcomes")
            law(command_id in self.commands, f"I1: an outcome of {command_id}, which nobody sent")
            self.outcomes[command_id] = outcome
            problem = outcome.data.get("problem")
            self.counts["accepted" if problem is None else f"refused: {problem}"] += 1
            self.counts["already_reported"] += bool(outcome.data.get("already_reported"))
            self.counts["dry runs"] += bool(outcome.data.get("dry_run"))
            self.counts["waited for their card"] += outcome.cause != command_id
            self.counts["commands"] += 1
        for command_id in self.commands:
            law(command_id in self.outcomes, f"I2: the command {command_id} has no outcome")
            law(command_id in self.people.diary.sent, f"I1: the command {command_id} was never sent")
        for command_id, what in self.people.diary.acknowledged.items():
            law(command_id in self.commands, f"I6: {command_id} ({what}) was acknowledged and is not in the log")

    def _revisions(self) -> None:
        """I5: gapless for each subject, and in order in the log."""
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
            for event in self.told[topic.name]:
                if kind and f".{kind}." not in event.type:
                    continue
                name = event.data[subject], None if topic in (CARDS, EARNINGS) else event.data["year"]
                expected = seen.get(name, 0) + 1
                law(
                    event.data["revision"] == expected,
                    f"I5: {event.type} of {name} has revision {event.data['revision']} where {expected} comes next",
                )
                seen[name] = expected

    def _cards(self) -> None:
        persons: set[str] = set()
        numbers: set[str] = set()
        issued: dict[str, str] = {}
        for event in self.told[CARDS.name]:
            if event.type == "dk.frikort.card.issued.v1":
                person = event.data["person"]["cpr_hash"]
                law(person not in persons, "a person has two cards")
                persons.add(person)
                issued[event.data["card_id"]] = event.data["active_from"][:4]
            if "number" in event.data:
                law(event.data["number"] not in numbers, f"the number {event.data['number']} is used twice")
                numbers.add(event.data["number"])
            if event.type == "dk.frikort.card.control-recorded.v1":
                year = issued[event.data["card_id"]]
                law(str(event.data["year"]) > year, f"a control in {event.data['year']} of a card issued in {year}")

    def _issuance_decided_rightly(self) -> None:
        scarce, numbers = (
            "card-numbers-exhausted",
            {e.data["number"] for e in self.told[CARDS.name] if "number" in e.data},
        )
        files = self.files
        persons: set[str] = set()
        # A person's issue comes before anything that is asked about the card, in whichever partition it stands.
        for command in sorted(self.told[ISSUANCE_COMMANDS.name], key=lambda c: c.kind != "card.issue"):
            outcome, data = self.outcomes[command.id].data, command.data
            if command.kind == "card.issue":
                person = data["person"]["cpr_hash"]
                verdict = ACCEPTED if person not in persons else "card-exists"
                if "problem" not in outcome:
                    persons.add(person)
                    files[outcome["card_id"]] = CardFile(data["municipality"], danish(command.time).year, person)
            else:
                verdict = files[data["card_id"]].verdict(command.kind, data, command.time, outcome)
            found = outcome.get("problem", ACCEPTED)
            if found == scarce and verdict == ACCEPTED and command.kind in ("card.issue", "card.replace-number"):
                verdict = scarce if len(numbers) == FEW_NUMBERS else verdict
            law(found == verdict, f"{command.kind} {command.id} was {found} and must be {verdict}")

    def _reporting_decided_rightly(self) -> None:
        events: dict[str, list[Message]] = defaultdict(list)
        for event in self.told[CARDS.name]:
            events[event.data["card_id"]].append(event)
        facts = {card: facts_of((e.type.split(".")[3], e.data) for e in told) for card, told in events.items()}
        known: dict[str, int] = defaultdict(lambda: 1)
        accepted: dict[str, list[tuple[str, int]]] = defaultdict(list)
        for command in self.told[REPORTING_COMMANDS.name]:
            card, outcome = command.data["card_id"], self.outcomes[command.id].data
            book = self.books.setdefault(
                card, CardBook(self.environment.allowances, self.environment.provisional_accepted)
            )
            found = outcome.get("problem", ACCEPTED)
            at_least = max(known[card], command.data.get("card_revision", 0))
            verdicts = {
                revision: book.verdict(command.kind, command.data, command.time, facts[card][revision - 1])
                for revision in range(at_least, len(facts[card]) + 1)
            }
            explained = [revision for revision, verdict in verdicts.items() if verdict == found]
            law(bool(explained), f"{command.kind} {command.id} was {found}; by card revision it must be {verdicts}")
            known[card] = explained[0]
            if found == ACCEPTED:
                before = {name: report.disputes for name, report in book.reports.items()}
                book.take(command.kind, command.data, outcome)
                if not outcome.get("already_reported") and not outcome.get("dry_run") and "dispute" not in command.kind:
                    accepted[card].append(subject_of(outcome))
                for name, report in book.reports.items():
                    if report.disputes > before.get(name, 0):
                        accepted[card].append((f"dispute of {name}", report.disputes))
        told: dict[str, list[tuple[str, int]]] = defaultdict(list)
        for event in self.told[EARNINGS.name]:
            told[event.data["card_id"]].append(event.subject)
        for card, order in accepted.items():
            law(told[card] == order, f"I5: accepted for {card} in the order {order}, and told as {told[card]}")

    def _what_was_accepted_was_told(self) -> None:
        """I1: each accepted command is told by exactly one event with what it said, and nothing else is told."""
        earnings = [e for e in self.told[EARNINGS.name] if not e.of_dispute]
        told = Counter((e.data["report_id"], e.data["revision"]) for e in earnings if "report_id" in e.data)
        told |= Counter((e.data["employment_id"], e.data["revision"]) for e in earnings if "report_id" not in e.data)
        told |= Counter((e.data["card_id"], e.data["revision"]) for e in self.told[CARDS.name])
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
            law(told[subject] == 1, f"I2: {command.type} was accepted as {subject} and told {told[subject]} times")
            told[subject] -= 1
            event = content.get((data.get("report_id"), data["revision"]))
            for name in ("components", "payment_date", "work", "reference", "card_id"):
                if event is not None and name in command.data:
                    law(event[name] == command.data[name], f"I1: {command_id} said {name} {command.data[name]}")
        extra = +told
        law(not extra, f"I1: told, and accepted by nobody: {extra}")

    def _ledgers(self) -> None:
        """I1 and I3: every total is the naive recomputation from what reporting accepted, in its order."""
        for event in self.told[EARNINGS.name]:
            if "report_id" in event.data and not event.of_dispute:
                moved = self.years[event.data["card_id"], event.data["year"]].take(event)
                self.counts["splits of others moved"] += len(moved)
        database = self.environment.database("balance", "ledgers")
        law(len(database.documents) == len(self.years), "I3: there are ledgers of nothing")
        for (card_id, number), year in self.years.items():
            ledger: Any = database.state(f"{card_id}:{number}")
            law(ledger is not None, f"I3: no ledger of {card_id} in {number}")
            found = {e.report_id: (e.total, e.exempt, e.excess) for e in read_entries(ledger)}
            wanted = {n: (e.total, e.exempt, e.total - e.exempt) for n, e in year.lines.items()}
            law(found == wanted, f"I3: the ledger {card_id}:{number} is {found} and must be {wanted}")
            law(list(found) == list(wanted), f"I3: the ledger {card_id}:{number} has another order of acceptance")
            law(year.exempt <= year.allowance, f"more than the allowance is exempt in {card_id}:{number}")
            law(ledger.revision == year.changes, f"I3: {card_id}:{number} changed {ledger.revision} times")
            self.counts["split reports"] += sum(0 < line.exempt < line.total for line in year.lines.values())

    def _settlements(self) -> None:
        """The last that was told of each report and year is what the naive ledger says."""
        last: dict[str, Message] = {}
        totals: dict[tuple[str, int], Message] = {}
        for event in self.told[BALANCES.name]:
            if "report_id" in event.data:
                last[event.data["report_id"]] = event
            else:
                totals[event.data["card_id"], event.data["year"]] = event
        law(totals.keys() == self.years.keys(), "I3: totals are told of other years than were reported")
        for key, year in self.years.items():
            told = totals[key].data
            law(
                (told["reported"], told["exempt"], told["excess"], told["remaining"])
                == (year.reported, year.exempt, year.reported - year.exempt, year.allowance - year.exempt),
                f"I3: the balance of {key} was told as {told}",
            )
            for report_id, line in year.lines.items():
                split = last[report_id].data
                law(
                    (split["total"], split["exempt"]) == (line.total, line.exempt), f"the split of {report_id}: {split}"
                )

    def _warnings(self) -> None:
        """I4: raised and withdrawn in turn, once for each crossing, and true at the end."""
        standing: dict[tuple[str, int], set[str]] = defaultdict(set)
        raised: Counter[tuple[str, int, str]] = Counter()
        for event in self.told[CAP_WARNINGS.name]:
            data = event.data
            key, threshold = (data["card_id"], data["year"]), data["threshold"]
            is_raise = ".raised." in event.type
            law((threshold in standing[key]) != is_raise, f"I4: {threshold} of {key} raised or withdrawn twice")
            standing[key] ^= {threshold}
            raised[*key, threshold] += is_raise
            self.counts["warnings raised" if is_raise else "warnings withdrawn"] += 1
        for key, year in self.years.items():
            law(standing[key] == year.standing, f"I4: the warnings of {key} are {standing[key]}, not {year.standing}")
            for threshold in ("near", "reached", "exceeded"):
                count = raised[*key, threshold]
                law(count == year.raised[threshold], f"I4: {threshold} of {key} was raised {count} times")

    def _read_models(self) -> None:
        """What the gateway shows is what the services know."""
        gateway = self.environment.services["gateway"].databases
        for card in states(self.environment.database("issuance", "cards")):
            view = gateway["cards"].state(card.card_id)
            shown = view and (view.revision, view.number, view.municipality, view.active, len(view.history))
            true = card.revision, card.numbers[-1], card.municipality, card.active, card.revision
            law(shown == true, f"the card {card.card_id} is shown as {shown} and is {true}")
        employments = {e.data["employment_id"]: e.data for e in self.told[EARNINGS.name] if "report_id" not in e.data}
        for employment_id, data in employments.items():
            shown = gateway["employments"].state(employment_id)
            law(
                shown is not None
                and (shown.revision, shown.period.model_dump(mode="json")) == (data["revision"], data["period"]),
                f"the employment {employment_id} is shown as {shown}",
            )
        for (card_id, number), year in self.years.items():
            ledger: Any = gateway["ledgers"].state(f"{card_id}:{number}")
            totals = ledger and ledger.totals and (ledger.totals.reported, ledger.totals.exempt)
            law(totals == (year.reported, year.exempt), f"the ledger {card_id}:{number} is shown as {totals}")
            law(
                ledger.is_whole and set(ledger.warned) == year.standing, f"the warnings of {card_id}:{number}: {ledger}"
            )
            for report_id, line in year.lines.items():
                report: Any = gateway["reports"].state(report_id)
                split = report and report.settlement and (report.settlement.total, report.settlement.exempt)
                law(split == (line.total, line.exempt), f"the report {report_id} is shown as {split}")
                revisions = [entry.revision for entry in report.history if "dispute" not in entry.event]
                law(revisions == list(range(1, line.revision + 1)), f"the history of {report_id} is not whole")
        for command_id, outcome in self.outcomes.items():
            shown = gateway["outcomes"].state(command_id)
            law(
                shown is not None and shown.problem == outcome.data.get("problem"),
                f"the outcome of {command_id}: {shown}",
            )

    def _statements(self) -> None:
        """The authorities' last statement of each card and year is the ledger."""
        homes = {e.data["card_id"]: e.data["municipality"] for e in self.told[CARDS.name]}
        for topic in (AUTHORITY_SKAT, AUTHORITY_STAR):
            last = {(e.data["card_id"], e.data["year"]): e.data for e in self.told[topic.name]}
            for key, year in self.years.items():
                counted = [line for line in year.lines.values() if line.total]
                said = last.get(key)
                if said is None:
                    law(not counted, f"nothing was told to {topic.name} of {key}")
                    continue
                law(
                    (said["reported"], said["exempt"], said["reports"], said["municipality"])
                    == (year.reported, year.exempt, len(counted), homes[key[0]]),
                    f"{topic.name} was told of {key}: {said}",
                )
                disputed = self.books[key[0]].disputed
                employers = sorted({line.cvr for name, line in year.lines.items() if line.total and name in disputed})
                law(said["disputed"] == bool(employers), f"{topic.name} was told of {key}: {disputed}, {said}")
                self.counts["statements of a dispute"] += bool(employers)
                if topic is AUTHORITY_SKAT:
                    law(said["disputed_employers"] == employers, f"the disputes of {key}: {employers}, not {said}")
                    sums: dict[str, int] = defaultdict(int)
                    for line in counted:
                        sums[line.cvr] += line.exempt
                    found = {e["cvr"]: e["exempt"] for e in said["employers"]}
                    law(found == dict(sums), f"the employers of {key} were told as {found}")
                    self.counts["statements"] += 1
        for card in states(self.environment.database("exports", "statements")):
            law(not card.pending_years, f"the years {card.pending_years} of the card {card.card_id} are pending")

    def _outboxes(self) -> None:
        """What a document remembers to have said is in the log; nobody waits."""
        for service in self.environment.services.values():
            for database in service.databases.values():
                for name in database.documents:
                    for entry in database.read(name).outbox:
                        for record in entry.entry:
                            place = self.environment.broker.partitions.get(
                                self.environment.broker.partition_of(record), ()
                            )
                            law(
                                any(
                                    (r.key, r.value, r.headers) == (record.key, record.value, record.headers)
                                    for r in place
                                ),
                                f"I2: {name} of {service.name} has something to say that is not in the log",
                            )
        for book in states(self.environment.database("reporting", "books")):
            law(not book.deferred, f"{len(book.deferred)} commands of the card {book.card_id} are still deferred")

    def _answers(self) -> None:
        for command_id, answers in self.people.diary.answers.items():
            law(len(answers) == 1, f"the command {command_id} was answered in {len(answers)} ways")
        for command_id, kept in self.environment.submissions.kept.items():
            answered = kept.response is not None
            law(not answered or command_id in self.commands, f"I6: {command_id} is answered and not in the log")
