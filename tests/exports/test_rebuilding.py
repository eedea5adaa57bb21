"""A document of exports, compared with what its topics say: equal whatever the order, and right after a correction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from frikort_contracts.authorities import LOCAL
from frikort_contracts.extracts import EncryptCprAgain, ForgetPerson, RepublishStatements, TaxStatementUpdated
from frikort_contracts.feeds import FeedRecord, FillFeed
from frikort_contracts.messages import Event, Message
from hypothesis import given
from hypothesis import strategies as st

from services.exports.card_feeds.state import CardFeeds
from services.exports.rebuilding import card_feeds, statements
from services.exports.rebuilding.card_feeds import CardFeedsComparison, compare_card
from services.exports.rebuilding.statements import ReplayedStatements, compare_statements
from services.exports.statements import CardStatements
from services.runtime.processing.decision import Processor
from services.runtime.rebuild.verdict import Unexplained, Verdict
from tests.exports.build import (
    CARD,
    PERSON,
    A,
    B,
    Ledger,
    disputed,
    encrypt_cpr,
    envelope,
    handed_over,
    issued,
    play,
    reported,
    undisputed,
)
from tests.exports.test_card_feeds import FIRST, Exports

YEAR = 2025


def replayed(rule: Processor[Any], messages: Sequence[Message]) -> Any:
    """The document that is built beside. It is stored and read after each message."""
    state = None
    for message in map(envelope, messages):
        if rule.address_of(message) is None:
            continue
        decision = rule.decide(state, message)
        assert decision.events == ()
        state = None if decision.state is None else rule.from_stored(rule.to_stored(decision.state))
    return state


def compared(
    in_place: CardStatements | None, *topics: Sequence[Message], erased: bool = False
) -> Verdict[CardStatements]:
    """The verdict on the statements of a card, of which ``topics`` are all messages."""
    rebuilt: ReplayedStatements | None = replayed(statements.REPLAYED, [each for topic in topics for each in topic])
    return compare_statements(in_place, rebuilt, (lambda _person, _card: None) if erased else encrypt_cpr)


def balances() -> list[Event]:
    ledger = Ledger()
    return [*ledger.report("r1", A, 100), *ledger.report("r2", B, 200)]


def on_feed(emitted: Sequence[Event]) -> list[TaxStatementUpdated]:
    return [event for event in emitted if isinstance(event, TaxStatementUpdated)]


def without_revision(state: CardStatements | None) -> dict[str, Any]:
    assert state is not None
    return state.model_dump(exclude={"years": {YEAR: {"statement": {"revision"}}}})


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 700)), min_size=1, max_size=30), st.data())
def test_any_two_orders_of_the_topics_are_equal(plan: list[tuple[int, int]], data: st.DataObject) -> None:
    """Also with jobs that only the service has applied."""
    ledger, of_balance, of_earnings = Ledger(allowance=1_000), list[Message](), list[Message]()
    for report, total in dict(plan).items():
        of_earnings.append(reported(f"r{report}", (A, B)[report % 2], total, "2025-06-30"))
        of_balance += ledger.report(f"r{report}", (A, B)[report % 2], total)
    first = f"r{plan[0][0]}"
    of_earnings += [disputed(first), undisputed(first)][: data.draw(st.integers(0, 2))]
    of_card: list[Message] = [issued(), handed_over("849")]
    jobs = [RepublishStatements(card_id=CARD), EncryptCprAgain(card_id=CARD, person=PERSON)]
    last: list[Message] = [ForgetPerson(card_id=CARD)] if data.draw(st.booleans()) else []

    def some_order(*topics: Sequence[Message]) -> list[Message]:
        turns = data.draw(st.permutations([n for n, messages in enumerate(topics) for _ in messages]))
        left = [iter(messages) for messages in topics]
        return [*(next(left[turn]) for turn in turns), *last]

    exports = Exports().apply(*some_order(of_card, of_balance, of_earnings, jobs), late=data.draw(st.booleans()))
    topics = (of_card, of_balance, of_earnings, exports.sent)
    verdict = compared(exports.statements, some_order(*topics))
    assert (verdict.is_same, verdict.must_publish) == (True, False)
    of_feeds = compare_card(LOCAL, exports.card, replayed(card_feeds.REPLAYED, some_order(*topics)))
    assert (of_feeds.is_same, of_feeds.must_publish) == (True, False)


class TestStatements:
    def test_a_document_that_is_gone_gets_number_and_revision_from_the_feed(self) -> None:
        jobs = [RepublishStatements(card_id=CARD)] * 3
        before, emitted = play([issued(), *balances(), *jobs])
        statement = before.year(YEAR).statement
        assert statement is not None
        assert statement.revision > 3
        verdict = compared(None, balances(), [issued()], on_feed(emitted), erased=True)
        assert verdict == Verdict(before, is_same=False)

    def test_one_of_which_nothing_is_published_is_encrypted_again(self) -> None:
        before, _ = play([issued()])
        assert compared(None, [issued()]) == Verdict(before, is_same=False)

    def test_an_erased_person_of_whom_nothing_is_published_stays_erased(self) -> None:
        verdict = compared(None, [issued()], erased=True)
        assert verdict.state is not None
        assert (verdict.state.cpr, verdict.state.erased) == (None, True)

    def test_an_erased_person_stays_erased_though_the_message_has_expired(self) -> None:
        before, emitted = play([issued(), *balances(), ForgetPerson(card_id=CARD)])
        topics = ([issued()], balances(), on_feed(emitted))
        assert compared(before, *topics) == Verdict(before, is_same=True)
        assert compared(None, *topics) == Verdict(before, is_same=False)

    def test_a_wrong_amount_is_corrected_under_a_later_revision_and_published(self) -> None:
        before, emitted = play([issued(), *balances()])
        year = before.year(YEAR)
        assert year.statement is not None
        wrong = before.with_years({YEAR: replace(year, statement=replace(year.statement, exempt=1))})
        verdict = compared(wrong, [issued()], balances(), on_feed(emitted))
        assert (verdict.is_same, verdict.must_publish) == (False, True)
        assert without_revision(verdict.state) == without_revision(before)
        assert verdict.state is not None
        corrected = verdict.state.year(YEAR).statement
        assert corrected is not None
        assert corrected.revision > year.statement.revision

    def test_a_wrong_split_behind_a_right_statement_is_corrected_and_not_published(self) -> None:
        before, emitted = play([issued(), *balances()])
        year = before.year(YEAR)
        wrong = before.with_years({YEAR: replace(year, reports=year.reports.with_entries({"r1": [A, 7, 0, 1]}))})
        assert compared(wrong, [issued()], balances(), on_feed(emitted)) == Verdict(before, is_same=False)

    def test_a_wrong_record_on_the_feed_is_followed_by_a_right_one(self) -> None:
        before, emitted = play([issued(), *balances()])
        (*earlier, last) = on_feed(emitted)
        wrong = last.model_copy(update={"exempt": 1})
        verdict = compared(before, [issued()], balances(), [*earlier, wrong])
        assert verdict == Verdict(before, is_same=True, must_publish=True)

    def test_a_revision_below_that_of_the_feed_rises_above_it(self) -> None:
        before, emitted = play([issued(), *balances()])
        later = on_feed(emitted)[-1].model_copy(update={"revision": 9, "exempt": 1})
        verdict = compared(before, [issued()], balances(), [later])
        assert verdict.state is not None
        statement = verdict.state.year(YEAR).statement
        assert statement is not None
        assert (statement.revision, verdict.must_publish) == (10, True)

    def test_the_statement_of_a_pending_year_stays(self) -> None:
        """Whether it names the new municipality depends on which message came first."""
        (settled, *_) = Ledger(revision=2).report("r3", A, 300)
        pending, emitted = play([issued(), *balances(), Ledger(revision=5).report("r9", A, 1)[-1], handed_over("849")])
        assert pending.pending_years == (YEAR,)
        of_balance = [*balances(), Ledger(revision=5).report("r9", A, 1)[-1]]
        assert compared(pending, [issued(), handed_over("849")], of_balance, on_feed(emitted)).is_same
        assert settled.type.endswith("v1")

    def test_a_card_that_the_topics_do_not_have_is_said_to_be_none(self) -> None:
        state, emitted = play([issued(), *balances()])
        assert compared(state) == Verdict(None, is_same=False)
        assert compared(None) == Verdict(None, is_same=True)
        with pytest.raises(Unexplained, match="2025"):
            compared(state, [issued()], on_feed(emitted))


class TestFeeds:
    def published(self) -> tuple[Exports, list[Message]]:
        """A card with a report, a replaced CPR number, and a new municipality. And its messages."""
        exports, sent = Exports(), [reported("r1", A, 100_000, "2025-06-30")]
        messages: list[Message] = [issued(), *sent, *exports.ledger.report("r1", A, 100_000)]
        exports.apply(*messages)
        exports.apply(*(FillFeed(card_id=CARD, authority=feed.name, encrypt_again=True) for feed in LOCAL))
        exports.apply(handed_over("849"))
        return exports, [*messages, handed_over("849"), *exports.sent]

    def last(self, exports: Exports) -> list[FeedRecord]:
        newest: dict[tuple[str, str], FeedRecord] = {}
        for record in exports.records:
            newest[record.authority, record.key] = record
        return list(newest.values())

    def without_ended(self, exports: Exports) -> CardFeeds:
        """The card without the number for a municipality that is not responsible any more: no feed has it."""
        cprs = {name: cpr for name, cpr in exports.state.cprs.items() if name != FIRST}
        return replace(exports.state, cprs=cprs)

    def test_a_document_that_is_gone_gets_from_the_feeds_what_cannot_be_made_again(self) -> None:
        exports, messages = self.published()
        verdict = compare_card(LOCAL, None, replayed(card_feeds.REPLAYED, messages), self.last(exports))
        assert verdict == Verdict(self.without_ended(exports), is_same=False, must_publish=False)
        assert exports.state.editions

    def test_one_that_was_begun_again_gets_it_as_well(self) -> None:
        exports, messages = self.published()
        begun = CardFeeds(CARD, card_revision=2, municipality="849")
        verdict = compare_card(LOCAL, begun, replayed(card_feeds.REPLAYED, messages), self.last(exports))
        assert verdict.must_publish
        assert verdict.state is not None
        right = self.without_ended(exports)
        assert (verdict.state.editions, verdict.state.cprs) == (right.editions, right.cprs)

    def test_a_corrected_card_publishes_every_record_again_under_a_later_revision(self) -> None:
        exports, messages = self.published()
        year = exports.state.year(YEAR)
        wrong = replace(year, payments=replace(year.payments, days={}))
        exports.card = exports.state.with_year(YEAR, wrong)
        before = self.last(exports)
        verdict = compare_card(LOCAL, exports.card, replayed(card_feeds.REPLAYED, messages), before)
        assert (verdict.is_same, verdict.must_publish) == (False, True)

        exports.card = verdict.state
        exports.take()
        exports.apply(*CardFeedsComparison(LOCAL, lambda _: pytest.fail("not read")).messages(exports.state))
        after = {(record.authority, record.key): record for record in exports.take()}
        for record in before:
            if record.key != CARD and not record.type.endswith("ended.v1"):
                assert after[record.authority, record.key].revision > record.revision

    def test_an_erased_person_stays_erased(self) -> None:
        exports, messages = self.published()
        exports.erased = True
        exports.apply(ForgetPerson(card_id=CARD))
        sent = [each for each in exports.sent if each not in messages]
        rebuilt = replayed(card_feeds.REPLAYED, [*messages, *sent])
        verdict = compare_card(LOCAL, None, rebuilt, self.last(exports))
        assert verdict.state is not None
        assert (verdict.state.erased, verdict.state.person, set(verdict.state.cprs.values())) == (True, None, {None})
        assert not verdict.must_publish

    def test_a_year_of_which_the_topics_have_nothing_is_not_touched(self) -> None:
        exports, _ = self.published()
        with pytest.raises(Unexplained):
            compare_card(LOCAL, exports.card, replayed(card_feeds.REPLAYED, [issued()]), self.last(exports))
