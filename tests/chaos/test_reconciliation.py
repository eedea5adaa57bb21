"""The reconciliation detects each kind of discrepancy."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

import pytest
from frikort_contracts.balance import CapWarningRaised, ReportSettled, Threshold
from frikort_contracts.cloudevents import Envelope, Record, encode
from frikort_contracts.extracts import FollowUpStatementUpdated
from frikort_contracts.feeds import BenefitYearEnded, BenefitYearUpdated, CardUseUpdated, PaymentDay, TaxYearUpdated
from frikort_contracts.messages import Message
from frikort_contracts.outcomes import CommandAccepted
from frikort_contracts.reporting import DisputeReason, EarningsReported, ReportDisputed, ReportEarnings
from frikort_contracts.topics import EARNINGS
from frikort_contracts.values import CitizenSide, Components, WorkPeriod
from joserfc import jwe
from joserfc.jwk import ECKey

from services.runtime.processing.apply import Incoming
from services.runtime.processing.dead_letters import dead_letter
from tests.agency import REGISTRY
from tests.chaos.journal import Card, Employment, Journal, Report
from tests.chaos.reconciliation import CardViews, Finding, Views, check
from tests.chaos.reference_model import ALLOWANCE, YEAR
from tests.chaos.topic_contents import DeadLetter, Place, TopicContents
from tests.sources import source_for

DAY = date(2025, 3, 3)
AT = datetime(2025, 3, 3, 12, tzinfo=UTC)
CVR = "10000009"
FIRST, SECOND = ALLOWANCE - 1_000, 5_000
_KEY = ECKey.generate_key("P-256")
_NUMBER = jwe.encrypt_compact({"alg": "ECDH-ES+A256KW", "enc": "A256GCM", "sub": "card"}, b"-", _KEY, registry=REGISTRY)
POISON = DeadLetter("balance", "ledgers", Place(EARNINGS.name, 0, 99))


def _id(name: str) -> UUID:
    return uuid5(NAMESPACE_URL, name)


def _record(name: str, data: Message) -> Record:
    return encode(Envelope(id=_id(name), time=AT, source=source_for(data), data=data, correlation_id=_id(name)))


def _content(name: str, total: int) -> dict[str, Any]:
    return {
        "card_id": "card",
        "cvr": CVR,
        "employment_id": "job",
        "reference": name,
        "work": WorkPeriod(first=DAY, last=DAY),
        "payment_date": DAY,
        "components": Components(wage=total),
    }


def _reported(name: str, total: int) -> EarningsReported:
    return EarningsReported(
        **_content(name, total), report_id=name, revision=1, year=YEAR, total=total, allowance=ALLOWANCE,
        provisional=False, allowance_version="version",
    )  # fmt: skip


def _settled(name: str, revision: int, exempt: int, excess: int) -> ReportSettled:
    return ReportSettled(
        card_id="card", year=YEAR, revision=revision, report_id=name, report_revision=1, employment_id="job", cvr=CVR,
        total=exempt + excess, exempt=exempt, excess=excess, caused_by=name,
    )  # fmt: skip


def _raised(revision: int, threshold: Threshold) -> CapWarningRaised:
    reported = FIRST if revision == 1 else FIRST + SECOND
    return CapWarningRaised(
        card_id="card", year=YEAR, revision=revision, threshold=threshold, allowance=ALLOWANCE, reported=reported
    )


def _disputed(name: str, revision: int) -> ReportDisputed:
    return ReportDisputed(
        card_id="card", employment_id="job", report_id=name, revision=revision, report_revision=1, cvr=CVR, year=YEAR,
        actor="-", reason=DisputeReason.WRONG_AMOUNT, side=CitizenSide.CITIZEN,
    )  # fmt: skip


def _statement() -> FollowUpStatementUpdated:
    return FollowUpStatementUpdated(
        card_id="card", revision=1, year=YEAR, municipality="101", provisional=False, allowance=ALLOWANCE,
        reported=FIRST, exempt=FIRST, excess=0, reports=1,
    )  # fmt: skip


def _benefits(revision: int = 1, **changes: Any) -> BenefitYearUpdated:
    day = PaymentDay(payment_date=DAY, reports=2, exempt=ALLOWANCE, excess=4_000, converted_hours=None)
    fields: dict[str, Any] = {"municipality": "101", "exempt": ALLOWANCE, "excess": 4_000, **changes}
    return BenefitYearUpdated(
        authority="municipality-101", card_id="card", revision=revision, year=YEAR, provisional=False,
        allowance=ALLOWANCE, reported=FIRST + SECOND, hourly_rate=None, converted_hours=None, disputed=False, cpr=None,
        days=(day,), **fields,
    )  # fmt: skip


def _tax() -> TaxYearUpdated:
    return TaxYearUpdated(
        authority="skat", card_id="card", revision=1, year=YEAR, municipality="101", provisional=False,
        allowance=ALLOWANCE, reported=FIRST + SECOND, exempt=ALLOWANCE, excess=4_000, reports=2, disputed=False,
        cpr=_NUMBER, employers=(), disputed_employers=(),
    )  # fmt: skip


def _use() -> CardUseUpdated:
    return CardUseUpdated(
        authority="star", card_id="card", revision=1, year=YEAR, municipality="101", provisional=False,
        allowance=ALLOWANCE, reported=FIRST + SECOND, exempt=ALLOWANCE, excess=4_000, reports=2, employers=1,
        disputed=False,
    )  # fmt: skip


def _line(name: str, exempt: int, excess: int) -> dict[str, Any]:
    split = {"exempt_ore": exempt, "excess_ore": excess}
    return {"report_id": name, "status": "accepted", "total_ore": exempt + excess, "split": split}


@dataclass
class World:
    """A card with two reports, the second above the allowance; journal, topics and views agree."""

    journal: Journal = field(default_factory=Journal)
    records: list[Record] = field(default_factory=list)
    views: Views = field(default_factory=lambda: Views(authority_keys={"skat": _KEY}))

    def __post_init__(self) -> None:
        self.journal.cards["card"] = Card("card", "12345", "-", "-", "101", 1, employments={"job"})
        self.journal.employments["job"] = Employment("job", "card", CVR)
        for name, total in (("one", FIRST), ("two", SECOND)):
            self.journal.reported(Report(name, "card", "job", CVR, total))
            command = ReportEarnings(**_content(name, total), actor="-", card_revision=1)
            self.records += [
                _record(f"command {name}", command),
                _record(f"outcome {name}", CommandAccepted(command_id=str(_id(f"command {name}")))),
                _record(f"reported {name}", _reported(name, total)),
            ]
        self.records += [
            _record("settled one", _settled("one", 1, FIRST, 0)),
            _record("settled two", _settled("two", 2, 1_000, 4_000)),
            _record("near", _raised(1, Threshold.NEAR)),
            _record("reached", _raised(2, Threshold.REACHED)),
            _record("exceeded", _raised(2, Threshold.EXCEEDED)),
            _record("tax feed", _tax()),
            _record("benefits feed", _benefits()),
            _record("use feed", _use()),
        ]
        incoming = Incoming(*POISON.place, key=None, value=b"?", headers=())
        self.records.append(dead_letter(POISON.service, POISON.processor, incoming, "poison"))
        lines = [_line("one", FIRST, 0), _line("two", 1_000, 4_000)]
        total = FIRST + SECOND
        balance = {"year": YEAR, "reported_ore": total, "exempt_ore": ALLOWANCE, "excess_ore": 4_000}
        self.views.cards["card"] = CardViews(
            reports=lines,
            balances=[balance],
            warnings=[{"threshold": name, "withdrawn_at": None} for name in ("near", "reached", "exceeded")],
            employments=[{"employment_id": "job"}],
            to_municipality={"status": "active", "municipality": {"code": "101"}, "number": "12345"},
        )
        self.views.employments["job"] = deepcopy(lines)
        self.views.ledgers["card", YEAR] = {
            "entries": {"one": {"exempt": FIRST, "excess": 0}, "two": {"exempt": 1_000, "excess": 4_000}}
        }
        amounts = {"reported": total, "exempt": ALLOWANCE, "excess": 4_000}
        line = {"cvr": CVR, "reports": 2, **amounts}
        self.views.extract = {"card": {"municipality": "101", "employers": [line], **amounts}}

    @property
    def statement(self) -> dict[str, Any]:
        assert self.views.extract is not None
        return self.views.extract["card"]

    def without(self, name: str) -> None:
        identity = str(_id(name)).encode()
        self.records = [r for r in self.records if ("ce_id", identity) not in r.headers]

    def findings(self) -> list[Finding]:
        topics = TopicContents()
        for offset, record in enumerate(self.records):
            topics.add(Place(record.topic, 0, offset), record.key, record.value, record.headers)
        return check(self.journal, topics, self.views, {POISON})


def test_consistent_data_has_no_findings_even_when_records_are_repeated() -> None:
    world = World()
    world.records += world.records[:-1]
    assert world.findings() == []


def lost_report(world: World) -> None:
    world.without("reported two")


def lost_in_the_employers_list(world: World) -> None:
    world.views.employments["job"].pop()


def lost_in_the_citizens_view(world: World) -> None:
    world.views.cards["card"].reports.pop()


def lost_on_a_feed(world: World) -> None:
    world.without("tax feed")


def lost_for_the_municipality(world: World) -> None:
    ended = BenefitYearEnded(authority="municipality-101", card_id="card", revision=2, year=YEAR)
    world.records.insert(0, _record("ended", ended))


def wrong_on_a_feed(world: World) -> None:
    world.records.insert(0, _record("wrong benefits", _benefits(2, excess=0)))


def wrong_number_for_the_key_before(world: World) -> None:
    world.views.authority_keys = {"skat": ECKey.generate_key("P-256")}


def wrong_number_on_a_feed(world: World) -> None:
    world.journal.cards["card"].cpr = "another"


def wrong_for_a_municipality_that_was_not_sent_the_end(world: World) -> None:
    world.journal.cards["card"].municipality = "461"


def lost_outcome(world: World) -> None:
    world.without("outcome one")


def lost_dead_letter(world: World) -> None:
    world.records.pop()


def lost_employment(world: World) -> None:
    world.views.cards["card"].employments.clear()


def lost_statement(world: World) -> None:
    world.views.extract = {}


def lost_settlement(world: World) -> None:
    world.without("settled two")


def doubled_report(world: World) -> None:
    world.records.append(_record("reported two again", _reported("two", SECOND)))


def doubled_in_the_citizens_view(world: World) -> None:
    world.views.cards["card"].reports.append(_line("two", 1_000, 4_000))


def doubled_outcome(world: World) -> None:
    world.records.append(_record("another", CommandAccepted(command_id=str(_id("command one")))))


def doubled_without_acknowledgement(world: World) -> None:
    del world.journal.reports["two"]


def wrong_amount_on_the_topic(world: World) -> None:
    world.journal.reports["two"].total += 1


def wrong_split_on_the_topic(world: World) -> None:
    world.records.append(_record("settled again", _settled("two", 3, 2_000, 3_000)))


def wrong_split_for_the_employer(world: World) -> None:
    world.views.employments["job"][1]["split"] = {"exempt_ore": 999, "excess_ore": 4_001}


def wrong_total_for_the_citizen(world: World) -> None:
    world.views.cards["card"].balances[0]["exempt_ore"] += 1


def wrong_ledger(world: World) -> None:
    world.views.ledgers["card", YEAR]["entries"]["two"]["excess"] += 1


def wrong_statement(world: World) -> None:
    world.statement["excess"] += 1


def wrong_employer_in_the_statement(world: World) -> None:
    world.statement["employers"][0]["reports"] = 1


def wrong_warning_raised_twice(world: World) -> None:
    world.records.append(_record("reached again", _raised(2, Threshold.REACHED)))


def wrong_warning_missing(world: World) -> None:
    world.without("near")


def wrong_warning_shown(world: World) -> None:
    world.views.cards["card"].warnings.pop()


def wrong_contents_of_one_id(world: World) -> None:
    world.records.append(_record("settled two", _settled("two", 2, 1_000, 4_001)))


def wrong_dead_letter(world: World) -> None:
    incoming = Incoming(EARNINGS.name, 0, 7, key=None, value=b"?", headers=())
    world.records.append(dead_letter("balance", "ledgers", incoming, "no poison"))


def wrong_municipality(world: World) -> None:
    world.journal.cards["card"].municipality = "849"


def lost_dispute(world: World) -> None:
    world.journal.disputed.add("one")


def doubled_dispute(world: World) -> None:
    world.journal.disputed.add("one")
    world.records += [_record(f"disputed {revision}", _disputed("one", revision)) for revision in (1, 2)]


def wrong_revision_stated_twice(world: World) -> None:
    world.records += [_record(f"statement {number}", _statement()) for number in (1, 2)]


def wrong_answer(world: World) -> None:
    world.journal.surprises.append("two answers under one key")


@pytest.mark.parametrize(
    "falsify",
    [
        lost_report,
        lost_on_a_feed,
        lost_for_the_municipality,
        wrong_on_a_feed,
        wrong_number_for_the_key_before,
        wrong_number_on_a_feed,
        wrong_for_a_municipality_that_was_not_sent_the_end,
        lost_in_the_employers_list,
        lost_in_the_citizens_view,
        lost_outcome,
        lost_dead_letter,
        lost_employment,
        lost_statement,
        lost_settlement,
        doubled_report,
        doubled_in_the_citizens_view,
        doubled_outcome,
        doubled_without_acknowledgement,
        wrong_amount_on_the_topic,
        wrong_split_on_the_topic,
        wrong_split_for_the_employer,
        wrong_total_for_the_citizen,
        wrong_ledger,
        wrong_statement,
        wrong_employer_in_the_statement,
        wrong_warning_raised_twice,
        wrong_warning_missing,
        wrong_warning_shown,
        wrong_contents_of_one_id,
        wrong_dead_letter,
        wrong_municipality,
        wrong_answer,
        lost_dispute,
        doubled_dispute,
        wrong_revision_stated_twice,
    ],
    ids=lambda falsify: str(falsify.__name__),
)
def test_falsified_data_is_detected(falsify: Callable[[World], None]) -> None:
    world = World()
    falsify(world)
    kind = falsify.__name__.split("_")[0]
    assert kind in {finding.kind for finding in world.findings()}
