"""Plays the year of the demo against the system of the tests."""

from __future__ import annotations

from io import StringIO

from rich.console import Console

from deploy.local.system import LocalSystem
from tests.demo.narrator import Narrator
from tests.demo.year import Year


def test_every_figure_of_the_year_holds(system: LocalSystem) -> None:
    output = StringIO()
    narrator = Narrator(Console(file=output, width=120))
    Year(system, narrator, alone=False).play()
    assert narrator.checked > 100
    assert str(system.people["citizen-1"].cpr) not in output.getvalue()
