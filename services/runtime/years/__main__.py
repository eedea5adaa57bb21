"""``python -m services.runtime.years``: enter, confirm, reject and list changes of the amounts of a year."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Sequence
from datetime import UTC, date, datetime

from frikort_contracts.cloudevents import encode
from frikort_contracts.rules import reading
from frikort_contracts.rules.allowances import Allowance, AllowanceTable, hourly_rate
from pymongo.errors import PyMongoError

from services.runtime import exit_codes
from services.runtime.allowance_file import load_allowances
from services.runtime.kafka.producer import KafkaProducer
from services.runtime.kafka.unavailable import KafkaUnavailable
from services.runtime.mongo.driver import connect
from services.runtime.operator_commands import SettingsRefused, say, settings_for, words, write
from services.runtime.settings import RuntimeSettings
from services.runtime.years.changes import Entered, Refused, YearHistory
from services.runtime.years.journal import Journal


def parser() -> argparse.ArgumentParser:
    """The commands and their options."""
    top = argparse.ArgumentParser(
        prog="python -m services.runtime.years",
        description="The amounts of a year: one person enters a change, another confirms it.",
    )
    commands = top.add_subparsers(dest="command", required=True)

    entering = commands.add_parser("enter", help="enter amounts of a year, in kroner, such as 42.766 or 295,54")
    entering.add_argument("year", type=int)
    entering.add_argument("--allowance", type=_kroner, required=True, help="what is exempt in the year")
    entering.add_argument("--income-limit", type=_kroner, required=True, help="the income limit for eligibility")
    entering.add_argument("--hourly-rate", type=_rate, help="the conversion rate; without it the one before is kept")
    entering.add_argument("--from", type=_day, dest="effective_from", help="the first day; by default 1 January")
    entering.add_argument("--provisional", action="store_true", help="the amounts are not published yet")
    for name, text in (("close", "refuse changes of its amounts and reports"), ("open", "allow them again")):
        commands.add_parser(name, help=text).add_argument("year", type=int)
    for name, text in (("confirm", "confirm another person's change"), ("reject", "reject a change")):
        commands.add_parser(name, help=text).add_argument("change", type=_change, help="such as 2027/1")
    for name in ("enter", "close", "open", "confirm", "reject"):
        acting = commands.choices[name]
        acting.add_argument("--by", type=words, required=True, help="who does this")
        acting.add_argument("--reason", type=words, required=True, help="why, such as the source of the amounts")
    commands.add_parser("list", help="list all changes and the state of each")
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code."""
    given = parser().parse_args(arguments)
    try:
        return asyncio.run(_run(settings_for("years"), given))
    except SettingsRefused as refused:
        return say(exit_codes.UNSAFE_SETTING, str(refused))
    except Refused as refused:
        return say(exit_codes.NOT_DONE, str(refused))
    except KafkaUnavailable as error:
        return say(exit_codes.CANNOT_START, f"{error}; repeat the command")
    except PyMongoError as error:
        return say(exit_codes.CANNOT_START, f"MongoDB does not answer: {type(error).__name__}; repeat the command")


async def _run(settings: RuntimeSettings, given: argparse.Namespace) -> int:
    client = connect(settings.mongodb_uri)
    journal, table = Journal(client), load_allowances(settings.allowances)
    try:
        if given.command == "list":
            entries = await journal.entries()
            for year in sorted({entry.year for entry in entries}):
                history = YearHistory(table, year, [entry for entry in entries if entry.year == year])
                for change in history.entered:
                    write(line(history, change))
            return exit_codes.DONE
        year, number = given.change if given.command in {"confirm", "reject"} else (given.year, 0)
        history = YearHistory(table, year, await journal.entries(year))
        if given.command in {"confirm", "reject"}:
            return await _decide(settings, given, journal, history, number)
        change = _entered(given, history)
        await journal.add(change)
        write(line(YearHistory(table, year, await journal.entries(year)), change))
        return exit_codes.DONE
    finally:
        client.close()


def _entered(given: argparse.Namespace, history: YearHistory) -> Entered:
    act = {"by": given.by, "reason": given.reason, "at": datetime.now(UTC)}
    if given.command != "enter":
        return history.enter_closed(closed=given.command == "close", **act)
    try:
        row = Allowance(
            year=given.year,
            allowance=given.allowance,
            income_limit=given.income_limit,
            hourly_rate=given.hourly_rate,
            provisional=given.provisional,
            effective_from=given.effective_from or date(given.year, 1, 1),
        )
    except ValueError as error:
        raise Refused(f"the amounts cannot be used: {error}") from error
    return history.enter_amounts(row, **act)


async def _decide(
    settings: RuntimeSettings, given: argparse.Namespace, journal: Journal, history: YearHistory, number: int
) -> int:
    """Store the decision, then publish it. A confirmation that was not published is published by repeating it."""
    confirmed = given.command == "confirm"
    decision = history.decide(number, confirmed=confirmed, by=given.by, reason=given.reason, at=datetime.now(UTC))
    if number not in history.decided:
        await journal.add(decision)
    if confirmed:
        producer = KafkaProducer(settings, client_id="frikort-years", timeout=settings.publish_timeout)
        try:
            await producer.publish([encode(history.event(decision))])
        finally:
            await producer.stop()
    write(f"{decision.change} {'confirmed and published' if confirmed else 'rejected'}")
    return exit_codes.DONE


def line(history: YearHistory, change: Entered) -> str:
    """A change, with what it makes of the year, for the person who decides about it."""
    decision = history.decided.get(change.number)
    state = "waits for a second person"
    if decision is not None:
        state = f"{'confirmed' if decision.confirmed else 'rejected'} by {decision.by}: {decision.reason}"
    table = AllowanceTable(years={change.year: change.amounts})
    rows = [
        f"  from {row.effective_from}  allowance {_text(row.allowance)}  income limit {_text(row.income_limit)}"
        f"  hourly rate {_rate_text(table, row)}  {'provisional' if row.provisional else 'final'}"
        for row in change.amounts
    ]
    head = f"{change.change}  {'closed' if change.closed else 'open'}  entered by {change.by}: {change.reason}  {state}"
    return "\n".join([head, *rows])


def _text(ore: int | None) -> str:
    return "none" if ore is None else f"{ore // 100:,}".replace(",", ".") + f",{ore % 100:02d}"


def _rate_text(table: AllowanceTable, row: Allowance) -> str:
    """The rate of the amounts; without one that which is kept from the amounts before."""
    if row.hourly_rate or (kept := hourly_rate(table, row.year, row.effective_from)) is None:
        return _text(row.hourly_rate)
    return f"{_text(kept)} (kept)"


def _rate(text: str) -> int:
    """A rate in øre. No rate is said by leaving it out, so 0 is a mistake."""
    rate = _kroner(text)
    if rate <= 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a rate by which an amount can be divided")
    return rate


def _kroner(text: str) -> int:
    try:
        return reading.amount(text, ",")
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not an amount such as 42.766 or 295,54") from None


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a day such as 2027-07-01") from None


def _change(text: str) -> tuple[int, int]:
    year, _, number = text.partition("/")
    if not (year.isdecimal() and number.isdecimal()):
        raise argparse.ArgumentTypeError(f"{text!r} is not a change such as 2027/1")
    return int(year), int(number)


if __name__ == "__main__":
    sys.exit(main())
