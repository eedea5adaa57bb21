"""The demo is a test: the same year, played against the tests' system."""

from __future__ import annotations

from io import StringIO

from rich.console import Console

from deploy.local.system import LocalSystem
from tests.demo.account import Account
from tests.demo.year import Year


def test_every_figure_of_the_year_holds(system: LocalSystem) -> None:
    told = StringIO()
    account = Account(Console(file=told, width=120))
    Year(system, account, alone=False).play()
    assert account.checked > 100
    assert str(system.people["citizen-1"].cpr) not in told.getvalue()
