"""Reminders: when an employer gets a question or a notice, and with which text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from frikort_contracts.messages import Event
from frikort_contracts.values import Components, Period, WorkPeriod

from services.gateway.employer.reminder_rules import (
    Notice,
    Question,
    answer_texts,
    notice,
    notice_text,
    question,
    question_text,
)
from services.gateway.formats import Language
from services.gateway.projections import cards, reports
from services.gateway.projections.cards import CardView
from services.gateway.projections.employments import EmploymentView
from services.gateway.projections.reports import ReportView
from tests.gateway.build import CARD, CVR, EMPLOYMENT, after, issued, reported, withdrawn
from tests.gateway.projections.test_projections import deactivated, reactivated

BEGAN = date(2025, 1, 10)
ALL = {2025: 4_276_600, 2026: 4_276_600}


def day(text: str) -> date:
    return date.fromisoformat(f"2025-{text}" if len(text) == 5 else text)


def employment(last: str | None = None, no_work: Sequence[tuple[str, str]] = ()) -> EmploymentView:
    return EmploymentView(
        employment_id=EMPLOYMENT,
        card_id=CARD,
        revision=1,
        cvr=CVR,
        period=Period(first=BEGAN, last=None if last is None else day(last)),
        contact="k.ciphertext",
        no_work=[WorkPeriod(first=day(first), last=day(end)) for first, end in no_work],
        registered_at=datetime(2025, 1, 10, tzinfo=UTC),
        order="1",
    )


def card(*events: Event) -> CardView:
    return after(cards.PROJECTION, [issued(), *events])


def paid(*days: str, total: int = 100_000) -> list[ReportView]:
    return [
        after(
            reports.PROJECTION,
            [reported(payment_date=day(one), year=day(one).year, total=total, components=Components(wage=total))],
        )
        for one in days
    ]


MONTHLY = paid("01-31", "02-28", "03-31")  # 28 and 31 days
WEEKLY = paid("03-07", "03-14", "03-21", "04-04", "04-11")


class TestQuestion:
    @pytest.mark.parametrize(
        ("of", "last_quiet_day"),
        [
            ([], date(2025, 1, 9) + timedelta(days=30 + 7)),
            (paid("01-31"), date(2025, 1, 31) + timedelta(days=30 + 7)),
            (paid("01-31", "02-28"), date(2025, 2, 28) + timedelta(days=30 + 7)),
            (MONTHLY, date(2025, 3, 31) + timedelta(days=31 + 7)),
            (WEEKLY, date(2025, 4, 11) + timedelta(days=7 + 7)),
            ([*WEEKLY, *WEEKLY], date(2025, 4, 11) + timedelta(days=7 + 7)),
        ],
        ids=["no report", "one", "two", "monthly", "weekly", "twins on one pay day"],
    )
    def test_a_question_is_asked_after_the_pay_interval_and_a_week(
        self, of: list[ReportView], last_quiet_day: date
    ) -> None:
        assert question(employment(), card(), of, last_quiet_day) is None
        assert question(employment(), card(), of, last_quiet_day + timedelta(days=1)) is not None

    def test_a_question_is_about_the_days_since_the_last_pay_day(self) -> None:
        asked = question(employment(), card(), WEEKLY, day("05-01"))
        assert asked == Question(WorkPeriod(first=day("04-12"), last=day("04-30")), day("04-11"))

    def test_a_question_without_reports_is_about_the_days_since_the_employment_began(self) -> None:
        asked = question(employment(), card(), [], day("04-01"))
        assert asked == Question(WorkPeriod(first=BEGAN, last=day("03-31")), None)

    def test_no_question_is_asked_about_days_declared_without_work(self) -> None:
        answered = employment(no_work=[("04-12", "04-30")])
        assert question(answered, card(), WEEKLY, day("05-14")) is None
        asked = question(answered, card(), WEEKLY, day("05-15"))
        assert asked is not None
        assert asked.days == WorkPeriod(first=day("05-01"), last=day("05-14"))

    def test_a_withdrawn_report_does_not_answer_a_question(self) -> None:
        gone = after(reports.PROJECTION, [reported(payment_date=day("05-31")), withdrawn()])
        asked = question(employment(), card(), [*WEEKLY, gone], day("06-02"))
        assert asked is not None
        assert asked.last_paid == day("04-11")

    @pytest.mark.parametrize(("last", "asked"), [("06-01", False), ("06-02", True), (None, True)])
    def test_no_question_is_asked_about_an_ended_employment(self, last: str | None, asked: bool) -> None:
        assert (question(employment(last), card(), MONTHLY, day("06-02")) is not None) is asked

    def test_no_question_is_asked_before_an_employment_begins(self) -> None:
        assert question(employment(), card(), [], day("2024-12-31")) is None

    def test_no_question_is_asked_about_days_when_the_card_was_not_active(self) -> None:
        off = deactivated(2, day("04-15"))
        assert question(employment(), card(off), WEEKLY, day("08-01")) is None

        asked = question(employment(), card(off, reactivated(3, day("06-01"))), WEEKLY, day("08-01"))
        assert asked is not None
        assert asked.days.first == day("06-01")

    def test_a_question_covers_this_year_and_the_last(self) -> None:
        asked = question(employment(), card(), [], day("2027-03-01"))
        assert asked is not None
        assert asked.days == WorkPeriod(first=date(2026, 1, 1), last=date(2027, 2, 28))


class TestNotice:
    @pytest.mark.parametrize(("left", "expected"), [(100_000, False), (99_999, True), (0, True)])
    def test_a_notice_is_given_when_less_is_left_than_is_usually_paid(self, left: int, expected: bool) -> None:
        given = notice(employment(), card(), WEEKLY, {2025: left}, day("04-12"))
        assert given == (Notice(day("04-18"), left, 100_000) if expected else None)

    @pytest.mark.parametrize(
        ("today", "pay_day"),
        [("04-11", "04-18"), ("04-12", "04-18"), ("04-18", "04-18"), ("04-19", "04-25"), ("05-01", "05-02")],
    )
    def test_a_notice_names_the_next_expected_pay_day(self, today: str, pay_day: str) -> None:
        given = notice(employment(), card(), WEEKLY, {2025: 1}, day(today))
        assert given is not None
        assert given.pay_day == day(pay_day)

    def test_a_notice_uses_the_allowance_of_the_next_pay_days_year(self) -> None:
        december = paid("2025-12-15", "2025-12-22", "2025-12-29")
        assert notice(employment(), card(), december, {2025: 0, 2026: 4_276_600}, day("12-30")) is None
        assert notice(employment(), card(), december, {2025: 4_276_600, 2026: 0}, day("12-30")) is not None
        assert notice(employment(), card(), december, {2025: 0}, day("12-30")) is None

    def test_the_usual_amount_is_the_median_of_the_pay_days(self) -> None:
        of = [*paid("03-07", total=1), *paid("03-14", "03-14", total=500), *paid("03-21", total=9_000_000)]
        given = notice(employment(), card(), of, {2025: 0}, day("03-22"))
        assert given is not None
        assert given.usual == 1_000

    def test_no_notice_is_given_without_earlier_pay_or_an_active_card(self) -> None:
        for of, job, on in (
            ([], employment(), card()),
            (WEEKLY, employment("04-11"), card()),
            (WEEKLY, employment(), card(deactivated(2, day("04-11")))),
        ):
            assert notice(job, on, of, {2025: 0}, day("04-12")) is None


class TestTexts:
    ASKED = Question(WorkPeriod(first=day("06-01"), last=day("07-08")), day("05-31"))
    GIVEN = Notice(day("07-31"), 200_000, 500_000)

    def test_a_question_is_written_in_both_languages(self) -> None:
        assert question_text(self.ASKED, Language.DANISH) == (
            "Den seneste indberettede løn er betalt den 31. maj 2025. "
            "Har der været arbejde fra den 1. juni 2025 til den 8. juli 2025?"
        )
        assert question_text(self.ASKED, Language.ENGLISH) == (
            "The latest reported wage was paid 31 May 2025. Was there work from 1 June 2025 to 8 July 2025?"
        )

    def test_a_question_without_earlier_pay_mentions_no_pay_day(self) -> None:
        never = Question(self.ASKED.days, None)
        assert question_text(never, Language.DANISH).startswith("Har der været arbejde")
        assert question_text(never, Language.ENGLISH).startswith("Was there work")

    def test_a_notice_is_written_in_both_languages(self) -> None:
        assert notice_text(self.GIVEN, Language.DANISH) == (
            "Der er mindst 2.000,00 kr. tilbage af årets beløbsgrænse, og I plejer at betale 5.000,00 kr. Betaler I "
            "det samme omkring den 31. juli 2025, er op til 3.000,00 kr. almindelig løn. Når lønnen er indberettet, "
            "står det præcise beløb på kvitteringen. Træk AM-bidrag og A-skat af det, og indberet det til eIndkomst."
        )
        assert notice_text(self.GIVEN, Language.ENGLISH) == (
            "There is at least 2,000.00 kr. left of the year's allowance, and you usually pay 5,000.00 kr. If you pay "
            "the same around 31 July 2025, up to 3,000.00 kr. of it is ordinary wage. Once the wage is reported, the "
            "receipt has the exact amount. Deduct labour market contribution and A-tax from it, and report it to "
            "eIndkomst."
        )

    def test_a_notice_says_that_little_is_left(self) -> None:
        little = replace(self.GIVEN, remaining=0)
        assert notice_text(little, Language.DANISH).startswith(
            "Der er under 1.000,00 kr. tilbage af årets beløbsgrænse,"
        )
        assert notice_text(little, Language.ENGLISH).startswith("There is less than 1,000.00 kr. left of the year's")

    def test_a_question_about_one_day_names_it_once(self) -> None:
        day = self.ASKED.days.first
        one_day = Question(WorkPeriod(first=day, last=day), None)
        assert question_text(one_day, Language.DANISH).count(str(day.year)) == 1
        assert question_text(one_day, Language.ENGLISH).count(str(day.year)) == 1

    def test_a_question_has_two_answers_in_both_languages(self) -> None:
        for language in Language:
            assert len(set(answer_texts(language))) == 2
        assert answer_texts(Language.DANISH) != answer_texts(Language.ENGLISH)
