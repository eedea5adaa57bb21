"""``make demo``: start the system, play the year, stop the system. Exit code 0 only if every figure is as expected."""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console

from deploy.local.config import Config
from deploy.local.errors import LauncherError
from deploy.local.progress import for_people
from deploy.local.system import LocalSystem
from tests.demo.narrator import Narrator, UnexpectedFigure
from tests.demo.year import Year


def main() -> int:
    console = Console(highlight=False)
    console.print("[bold]Frikort[/bold]: one citizen's year, from card to tax extract. The system starts first.")
    narrator = Narrator(console)
    try:
        with tempfile.TemporaryDirectory() as directory, LocalSystem(Config(Path(directory)), for_people()) as system:
            started = time.monotonic()
            Year(system, narrator, alone=True).play()
            seconds = time.monotonic() - started
    except LauncherError as error:
        console.print(f"\n[red]{error.what}[/red]\n{error.remedy}\n{error.log_tail or ''}", markup=True)
        return 1
    except UnexpectedFigure as wrong:
        console.print(f"\n[red]✗ {wrong}[/red]")
        return 1
    narrator.end(f"The year holds: {narrator.checked} figures checked in {seconds:.1f} s, to the øre.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
