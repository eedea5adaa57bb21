"""Prints the story of the demo and checks every figure in it."""

from __future__ import annotations

from datetime import date
from typing import Any

from rich.bar import Bar
from rich.console import Console
from rich.panel import Panel
from rich.table import Table


class UnexpectedFigure(AssertionError):
    """A figure differs from the expected one."""


def kroner(ore: int) -> str:
    """An amount in øre as people write it: 1.234,50 kr."""
    whole, rest = divmod(abs(ore), 100)
    sign = "-" if ore < 0 else ""
    return f"{sign}{whole:,}".replace(",", ".") + f",{rest:02d} kr."


class Narrator:
    """Prints to a console. ``checked`` counts the compared figures."""

    def __init__(self, console: Console) -> None:
        self.checked = 0
        self._console = console

    def chapter(self, day: date, title: str) -> None:
        self._console.print()
        self._console.rule(f"[bold]{day.day} {day:%B %Y}[/bold]  {title}", align="left", style="cyan")

    def say(self, text: str) -> None:
        self._console.print(text)

    def check(self, what: str, found: Any, expected: Any) -> None:
        """Compare a figure. Raises ``UnexpectedFigure``."""
        if found != expected:
            raise UnexpectedFigure(f"{what}: expected {expected!r}, found {found!r}")
        self.checked += 1

    def amount(self, what: str, found: int, expected: int) -> None:
        """Compare an amount in øre and print it."""
        self.check(what, found, expected)
        self._console.print(f"  [green]✓[/green] {what}: [bold]{kroner(found)}[/bold]")

    def fact(self, what: str, found: Any, expected: Any) -> None:
        """Compare a fact and print it."""
        self.check(what, found, expected)
        self._console.print(f"  [green]✓[/green] {what}")

    def balance(self, balance: dict[str, Any]) -> None:
        """Show a year as a bar."""
        allowance, exempt = balance["allowance_ore"], balance["exempt_ore"]
        line = Table.grid(padding=(0, 1))
        line.add_row(
            f" {balance['year']}",
            Bar(allowance, 0, exempt, width=24, color="green", bgcolor="grey30"),
            f"{kroner(exempt)} used, {kroner(balance['remaining_ore'])} left",
            f"{kroner(balance['excess_ore'])} above" if balance["excess_ore"] else "",
        )
        self._console.print(line)

    def table(self, title: str, columns: tuple[str, ...], rows: list[tuple[str, ...]]) -> None:
        table = Table(title=title, title_justify="left", box=None, pad_edge=False, padding=(0, 2))
        for column in columns:
            table.add_column(column, justify="right" if "kr." in column else "left")
        for row in rows:
            table.add_row(*row)
        self._console.print(table)

    def end(self, text: str) -> None:
        self._console.print()
        self._console.print(Panel(text, border_style="green", expand=False))
