"""The feeds of the authorities: what each gets the records of a card and its years, and when."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from typing import TypeVar

import pytest
from frikort_contracts.authorities import LOCAL, Facts, Feed, municipality_feed
from frikort_contracts.extracts import EncryptCprAgain, ForgetPerson
from frikort_contracts.feeds import (
    BenefitYearEnded,
    BenefitYearUpdated,
    CardStateUpdated,
    CardUseUpdated,
    EncryptCprFor,
    FeedRecord,
    FillFeed,
    TaxYearUpdated,
)
from frikort_contracts.issuance import CardDeactivated, CardReactivated
from frikort_contracts.messages import Message
from frikort_contracts.rules.allowances import Allowance, AllowanceTable
from frikort_contracts.values import EncryptedPerson

from services.exports.card_feeds.last_records import last_of, to_fill
from services.exports.card_feeds.processor import card_feeds
from services.exports.card_feeds.state import CardFeeds
from services.exports.processor import EncryptCpr
from services.exports.statements import CardStatements
from tests.contracts.examples import validated
from tests.exports.build import (
    CARD,
    CARDS,
    PERSON,
    A,
    B,
    Ledger,
    corrected,
    disputed,
    envelope,
    handed_over,
    issued,
    reported,
    withdrawn,
)

RATE = 29_554
TABLE = AllowanceTable(
    years={
        2025: (
            Allowance(
                year=2025,
                allowance=4_276_600,
                income_limit=1_069_200,
                hourly_rate=RATE,
                effective_from=date(2025, 1, 1),
            ),
        )
    }
)
FIRST, SECOND = "municipality-101", "municipality-849"
R = TypeVar("R", bound=FeedRecord)


class Exports:
    """The processors of statements and feeds, one after the other, on one card. Emitted commands come back to them."""

    def __init__(self, feeds: Sequence[Feed] = LOCAL) -> None:
        self.key = "k1"
        self.erased = False
        self.records: list[FeedRecord] = []
        self.sent: list[Message] = []
        self.statements: CardStatements | None = None
        self.ledger = Ledger()
        self.card: CardFeeds | None = None
        self.configure(feeds)

    def configure(self, feeds: Sequence[Feed], table: AllowanceTable = TABLE) -> None:
        """Another table of authorities or of amounts, as after a restart."""
        self._feeds = card_feeds(feeds, {feed.name: self._encryption(feed.name) for feed in feeds}, table)

    def _encryption(self, authority: str) -> EncryptCpr:
        def encrypt(person: EncryptedPerson, _: str) -> str | None:
            return None if self.erased else f"{authority}/{self.key}/{person.cpr_hash}"

        return encrypt

    def apply(self, *messages: Message, late: bool = False) -> Exports:
        """Apply messages to both. ``late``: the feeds get the statements after all messages."""
        waiting = list(messages)
        for message in messages:
            if CARDS.address_of(envelope(message)) is not None:
                decision = CARDS.decide(self.statements, CARDS.prepare(envelope(message)))
                self.statements = decision.state
                made = [event for event in map(validated, decision.events) if ".skat." in event.type]
                self.sent += made
                at = len(waiting) if late else waiting.index(message) + 1
                waiting[at:at] = made
        for message in waiting:
            self.feed(message)
        return self

    def feed(self, *messages: Message) -> None:
        """Apply messages to the feeds alone, each twice."""
        for message in messages:
            for _ in range(2 if type(message) in self._feeds.idempotent else 1):
                sent = envelope(message)
                if self._feeds.address_of(sent) is None:
                    continue
                decision = self._feeds.decide(self.card, self._feeds.prepare(sent))
                if decision.state is not None:
                    self.card = CardFeeds.from_stored(decision.state.to_stored())
                    assert self.card == decision.state
                for event in decision.events:
                    if isinstance(event, EncryptCprFor):
                        self.feed(event)
                    else:
                        record = validated(event)
                        assert isinstance(record, FeedRecord)
                        self.records.append(record)

    @property
    def state(self) -> CardFeeds:
        """The card."""
        assert self.card is not None
        return self.card

    def of(self, kind: type[R], authority: str | None = None) -> list[R]:
        """The records of a type."""
        found = [record for record in self.records if isinstance(record, kind)]
        return [record for record in found if authority in (None, record.authority)]

    def take(self) -> list[FeedRecord]:
        """The records since the last call."""
        taken, self.records = self.records, []
        return taken


def started() -> Exports:
    """A card with one report of 1,000 kr., paid on 30 June 2025."""
    exports = Exports()
    return exports.apply(issued(), reported("r1", A, 100_000, "2025-06-30"), *exports.ledger.report("r1", A, 100_000))


def summary(records: Iterable[FeedRecord]) -> set[tuple[str, str, int]]:
    return {(record.authority, type(record).__name__, record.revision) for record in records}


class TestTax:
    def test_the_record_has_the_statement_of_the_first_feed(self) -> None:
        (record,) = started().of(TaxYearUpdated)
        assert (record.key, record.topic_name) == (f"{CARD}:2025", "frikort.authority.skat.v2")
        assert (record.revision, record.reported, record.exempt, record.excess) == (1, 100_000, 100_000, 0)
        assert record.cpr == "jwe-of-" + "h" * 22
        assert [line.cvr for line in record.employers] == [A]

    def test_an_older_statement_changes_nothing(self) -> None:
        exports = started()
        older = exports.state.year(2025).statement
        assert older is not None
        exports.apply(*exports.ledger.report("r2", B, 50_000))
        exports.take()
        exports.feed(older)
        assert exports.take() == []

    def test_another_tax_authority_gets_the_number_encrypted_with_its_own_key(self) -> None:
        exports = Exports((Feed(name="treasury", facts=Facts.TAX, cpr=True), Feed(name="ministry", facts=Facts.TAX)))
        exports.apply(issued(), *Ledger().report("r1", A, 100_000))
        assert {record.authority: record.cpr for record in exports.of(TaxYearUpdated)} == {
            "treasury": "treasury/k1/" + "h" * 22,
            "ministry": None,
        }


class TestBenefits:
    def test_a_year_is_sent_by_payment_date_with_hours(self) -> None:
        exports = started()
        exports.apply(reported("r2", B, 4_200_000, "2025-07-31"), *exports.ledger.report("r2", B, 4_200_000))
        last = exports.of(BenefitYearUpdated)[-1]
        assert (last.authority, last.cpr) == (FIRST, f"{FIRST}/k1/" + "h" * 22)
        assert [(day.payment_date, day.exempt, day.excess, day.converted_hours) for day in last.days] == [
            (date(2025, 6, 30), 100_000, 0, 3),
            (date(2025, 7, 31), 4_176_600, 23_400, 141),
        ]
        assert (last.exempt, last.excess, last.hourly_rate, last.converted_hours) == (4_276_600, 23_400, RATE, 145)

    @pytest.mark.parametrize("late", [False, True])
    def test_nothing_is_sent_before_the_date_of_every_report_is_known(self, *, late: bool) -> None:
        exports = started()
        exports.take()
        exports.apply(*exports.ledger.report("r2", B, 50_000), late=late)
        assert not exports.of(BenefitYearUpdated)
        exports.apply(reported("r2", B, 50_000, "2025-06-30"))
        (record,) = exports.of(BenefitYearUpdated)
        assert [(day.reports, day.exempt) for day in record.days] == [(2, 150_000)]

    def test_a_corrected_date_moves_the_amount_under_a_later_revision(self) -> None:
        exports = started()
        before = exports.of(BenefitYearUpdated)[-1]
        exports.apply(
            corrected("r1", A, 100_000, "2025-05-30"), *exports.ledger.report("r1", A, 100_000, report_revision=2)
        )
        after = exports.of(BenefitYearUpdated)[-1]
        assert [day.payment_date for day in after.days] == [date(2025, 5, 30)]
        assert after.revision > before.revision

    def test_another_hourly_rate_for_the_same_amounts_is_sent_under_a_later_revision(self) -> None:
        (row,) = TABLE.years[2025]
        corrected_rate = row.model_copy(update={"hourly_rate": 10_000, "correction": 1})
        exports = started()
        (before,) = exports.of(BenefitYearUpdated)
        exports.configure(LOCAL, AllowanceTable(years={2025: (row, corrected_rate)}))

        exports.feed(*exports.ledger.settled())

        after = exports.of(BenefitYearUpdated)[-1]
        assert (before.converted_hours, after.converted_hours, after.days[0].converted_hours) == (3, 10, 10)
        assert after.revision > before.revision
        exports.take()
        exports.feed(*exports.ledger.settled())
        assert exports.take() == [], "the rate is the same"
        exports.feed(FillFeed(card_id=CARD, authority=FIRST))
        assert exports.take() == [after]

    def test_an_older_date_changes_nothing(self) -> None:
        exports = started()
        exports.apply(
            corrected("r1", A, 100_000, "2025-05-30"), *exports.ledger.report("r1", A, 100_000, report_revision=2)
        )
        exports.feed(reported("r1", A, 100_000, "2025-06-30"))
        exports.apply(disputed("r1"))
        assert [day.payment_date for day in exports.of(BenefitYearUpdated)[-1].days] == [date(2025, 5, 30)]

    def test_a_municipality_is_sent_nothing_between_the_move_and_its_statement(self) -> None:
        exports = started()
        exports.take()
        exports.feed(
            handed_over("849"),
            corrected("r1", A, 100_000, "2025-05-30"),
            *exports.ledger.report("r1", A, 100_000, report_revision=2),
        )
        assert not exports.of(BenefitYearUpdated)

    def test_a_withdrawn_report_leaves_no_day(self) -> None:
        exports = started()
        exports.apply(withdrawn("r1", A), *exports.ledger.report("r1", A, 0, report_revision=2))
        assert (exports.of(BenefitYearUpdated)[-1].days, exports.of(BenefitYearUpdated)[-1].exempt) == ((), 0)

    def test_a_move_tells_the_old_one_the_end_and_no_more_and_the_new_one_the_whole_history(self) -> None:
        exports = started()
        earlier = Ledger(year=2024)
        exports.apply(
            reported("r0", B, 20_000, "2024-03-01", year=2024),
            *earlier.report("r0", B, 20_000),
        )
        exports.take()
        exports.apply(handed_over("849"), disputed("r1"))
        ends = exports.of(BenefitYearEnded)
        assert {(end.authority, end.year) for end in ends} == {(FIRST, 2024), (FIRST, 2025)}
        assert set(BenefitYearEnded.model_fields) == {"authority", "card_id", "revision", "year"}
        assert not exports.of(BenefitYearUpdated, FIRST)
        published = {record.year: record for record in exports.of(BenefitYearUpdated, SECOND)}
        assert {year: [day.exempt for day in record.days] for year, record in published.items()} == {
            2024: [20_000],
            2025: [100_000],
        }

    def test_a_citizen_who_moves_back_is_sent_under_later_revisions(self) -> None:
        exports = started()
        exports.apply(handed_over("849"), handed_over("101", revision=3))
        revisions = [r.revision for r in exports.records if r.authority == FIRST]
        assert revisions == sorted(set(revisions))
        assert isinstance([r for r in exports.records if r.authority == FIRST][-1], BenefitYearUpdated)
        assert isinstance([r for r in exports.records if r.authority == SECOND][-1], BenefitYearEnded)

    def test_a_municipality_without_a_feed_is_sent_nothing(self) -> None:
        exports = started()
        exports.take()
        exports.apply(handed_over("147"))
        assert {type(record) for record in exports.take() if record.authority not in ("skat", "star")} == {
            BenefitYearEnded
        }


class TestUse:
    def test_a_card_without_reports_is_sent(self) -> None:
        exports = Exports().apply(issued())
        assert exports.records == [
            CardStateUpdated(
                authority="star", card_id=CARD, revision=1, municipality="101", active=True, since=date(2025, 1, 2)
            )
        ]
        assert (exports.records[0].key, exports.records[0].topic_name) == (CARD, "frikort.authority.star.v2")

    def test_a_deactivated_card_is_inactive_from_the_day_after_its_last(self) -> None:
        exports = Exports().apply(
            issued(),
            CardDeactivated(
                card_id=CARD,
                revision=2,
                municipality="101",
                actor="c",
                last_active_day=date(2025, 6, 30),
                case_reference="S-1",
            ),
            CardReactivated(
                card_id=CARD,
                revision=3,
                municipality="101",
                actor="c",
                active_from=date(2025, 9, 1),
                case_reference="S-1",
            ),
        )
        assert [(record.active, record.since) for record in exports.of(CardStateUpdated)] == [
            (True, date(2025, 1, 2)),
            (False, date(2025, 7, 1)),
            (True, date(2025, 9, 1)),
        ]

    def test_the_record_of_a_year_names_neither_person_nor_employer(self) -> None:
        (record,) = started().of(CardUseUpdated)
        text = record.model_dump_json()
        assert (record.reported, record.employers) == (100_000, 1)
        assert A not in text
        assert "h" * 22 not in text


class TestRevisions:
    def test_every_order_of_the_topics_ends_with_the_same_records(self) -> None:
        ledger = Ledger()
        cards = [issued(), handed_over("849")]
        earnings = [reported("r1", A, 100_000, "2025-06-30"), corrected("r1", A, 90_000, "2025-06-29")]
        balances = [*ledger.report("r1", A, 100_000), *ledger.report("r1", A, 90_000, report_revision=2)]
        ends = []
        orders: Sequence[Sequence[Sequence[Message]]] = (
            (cards, earnings, balances),
            (balances, earnings, cards),
            (earnings, balances, cards),
        )
        for order in orders:
            exports = Exports().apply(*[message for topic in order for message in topic])
            last = {(record.topic_name, record.key): record for record in exports.records}
            # Whether the first municipality gets a record before the move depends on the order.
            ends.append([last[key] for key in sorted(last) if not key[0].endswith("101.v1")])
        assert ends[0] == ends[1] == ends[2]

    def test_no_record_of_a_key_is_older_than_the_one_before(self) -> None:
        exports = started()
        exports.apply(*exports.ledger.report("r2", B, 50_000), disputed("r1"), handed_over("849"))
        exports.apply(reported("r2", B, 50_000, "2025-07-01"), FillFeed(card_id=CARD, authority="skat"))
        latest: dict[tuple[str, str], int] = {}
        for record in exports.records:
            key = record.topic_name, record.key
            assert record.revision >= latest.get(key, 0)
            latest[key] = record.revision


class TestFilling:
    def test_a_new_authority_is_sent_everything_by_the_job(self) -> None:
        exports = started()
        added = (Feed(name="ministry", facts=Facts.USE), Feed(name="treasury", facts=Facts.TAX, cpr=True))
        exports.configure((*LOCAL, *added))
        exports.take()
        exports.feed(FillFeed(card_id=CARD, authority="ministry"), FillFeed(card_id=CARD, authority="treasury"))
        assert summary(exports.take()) == {
            ("ministry", "CardStateUpdated", 1),
            ("ministry", "CardUseUpdated", 1),
            ("treasury", "TaxYearUpdated", 1),
        }

    def test_a_new_authority_is_sent_of_changes_before_the_job(self) -> None:
        exports = started()
        exports.configure((*LOCAL, municipality_feed("147")))
        exports.take()
        exports.apply(handed_over("147"))
        assert {record.year for record in exports.of(BenefitYearUpdated, "municipality-147")} == {2025}

    def test_filling_again_publishes_the_same_records(self) -> None:
        exports = started()
        published = {record for record in exports.take() if record.authority == FIRST}
        exports.feed(FillFeed(card_id=CARD, authority=FIRST))
        assert set(exports.take()) == published

    def test_an_ended_year_is_not_filled(self) -> None:
        exports = started()
        exports.apply(handed_over("849"))
        exports.take()
        exports.feed(FillFeed(card_id=CARD, authority=FIRST))
        assert exports.take() == []

    def test_a_card_of_which_nothing_is_known_is_left_out(self) -> None:
        exports = Exports()
        exports.feed(FillFeed(card_id=CARD, authority=FIRST))
        assert (exports.card, exports.records) == (None, [])


class TestLastRecords:
    """A record that a process publishes late, after its successor, is the last of its key on the topic."""

    def _filled(self, exports: Exports, authority: str, last: FeedRecord) -> list[FeedRecord]:
        """The records that are published again because ``last`` is the last one on the topic."""
        feed = next(feed for feed in LOCAL if feed.name == authority)
        exports.take()
        message = to_fill(feed, exports.state, [last_of(last)])
        exports.feed(*(() if message is None else (message,)))
        return exports.take()

    def test_nothing_follows_the_newest_record(self) -> None:
        exports = started()
        for record in exports.records.copy():
            assert self._filled(exports, record.authority, record) == []

    def test_an_older_record_is_followed_by_the_newest(self) -> None:
        exports = started()
        exports.apply(reported("r2", B, 50_000, "2025-07-01"), *exports.ledger.report("r2", B, 50_000))
        years = [record for record in exports.records if not isinstance(record, CardStateUpdated)]
        for authority in (FIRST, "skat", "star"):
            first, *_, newest = (record for record in years if record.authority == authority)
            assert newest in self._filled(exports, authority, first)

    def test_an_older_state_of_the_card_is_followed_by_the_newest(self) -> None:
        exports = started()
        exports.apply(handed_over("849"))
        first, *_, newest = exports.of(CardStateUpdated)
        assert newest in self._filled(exports, "star", first)

    def test_a_record_after_the_end_of_its_year_is_followed_by_the_end(self) -> None:
        exports = started()
        (record,) = exports.of(BenefitYearUpdated)
        exports.apply(handed_over("849"))
        (end,) = exports.of(BenefitYearEnded)
        assert self._filled(exports, FIRST, record) == [end]
        assert self._filled(exports, FIRST, end) == []

    def test_an_end_after_the_record_of_a_citizen_who_moved_back_is_followed_by_the_record(self) -> None:
        exports = started()
        exports.apply(handed_over("849"), handed_over("101", revision=3))
        (end,) = exports.of(BenefitYearEnded, FIRST)
        newest = exports.of(BenefitYearUpdated, FIRST)[-1]
        assert self._filled(exports, FIRST, end) == [newest]


class TestKeys:
    def test_a_new_key_is_taken_into_use_under_a_later_revision(self) -> None:
        exports = started()
        (before,) = exports.of(BenefitYearUpdated)
        exports.key = "k2"
        exports.take()
        exports.feed(FillFeed(card_id=CARD, authority=FIRST, encrypt_again=True))
        (after,) = exports.of(BenefitYearUpdated)
        assert after.cpr == f"{FIRST}/k2/" + "h" * 22
        assert after.revision > before.revision
        assert after.days == before.days

    def test_the_job_for_the_tax_agency_takes_the_new_keys_of_all_into_use(self) -> None:
        exports = started()
        exports.key = "k2"
        exports.take()
        exports.apply(EncryptCprAgain(card_id=CARD, person=PERSON))
        assert exports.of(BenefitYearUpdated)[-1].cpr == f"{FIRST}/k2/" + "h" * 22
        assert exports.of(TaxYearUpdated)[-1].revision == 2

    def test_an_erased_person_is_sent_without_the_number(self) -> None:
        exports = started()
        exports.erased = True
        exports.take()
        exports.apply(ForgetPerson(card_id=CARD))
        last = {record.authority: record for record in exports.take()}
        assert {getattr(last[authority], "cpr", "none") for authority in ("skat", FIRST)} == {None}
        assert exports.state.person is None

    def test_a_second_erasure_changes_nothing(self) -> None:
        exports = started()
        exports.erased = True
        exports.apply(ForgetPerson(card_id=CARD))
        exports.take()
        exports.feed(ForgetPerson(card_id=CARD))
        assert exports.take() == []

    def test_after_an_erasure_a_move_tells_the_new_municipality_without_the_number(self) -> None:
        exports = started()
        exports.erased = True
        exports.apply(ForgetPerson(card_id=CARD), handed_over("849"))
        assert [record.cpr for record in exports.of(BenefitYearUpdated, SECOND)] == [None]

    def test_a_number_that_was_being_encrypted_at_the_erasure_is_not_published(self) -> None:
        exports = started()
        exports.feed(ForgetPerson(card_id=CARD))
        exports.take()
        exports.feed(EncryptCprFor(card_id=CARD, authority=SECOND, person=PERSON))
        assert exports.state.cprs[SECOND] is None
        assert exports.take() == []

    def test_an_authority_that_left_the_table_is_not_encrypted_for(self) -> None:
        exports = started()
        exports.configure((LOCAL[0],))
        exports.take()
        exports.feed(EncryptCprFor(card_id=CARD, authority=FIRST, person=PERSON))
        assert exports.take() == []
