"""`make run`: the whole system until Ctrl-C. PORT, from the environment, is the portals' port and moves all others."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Mapping
from datetime import UTC, datetime
from types import FrameType
from typing import Final

from rich.console import Console
from rich.table import Table

from deploy.local import demo_data, ports
from deploy.local.config import Config
from deploy.local.errors import LauncherError
from deploy.local.progress import for_people
from deploy.local.system import LocalSystem

_PORTALS: Final = ("borger", "virksomhed", "kommune", "myndighed")


def main() -> int:
    """Run the system until SIGINT or SIGTERM. Returns the exit code: 1 if something is missing or PORT is no port."""
    signal.signal(signal.SIGTERM, _interrupt)
    console = Console(highlight=False)
    console.print("[bold]Frikort[/bold] starts on this machine; Ctrl-C stops it.")
    try:
        progress = for_people()
        with LocalSystem(Config.kept(ports.first(os.environ.get("PORT"))), progress) as system:
            with progress.step("demo data"):
                numbers = demo_data.load(system, datetime.now(UTC).date())
            _introduce(system, console, numbers)
            threading.Event().wait()
    except KeyboardInterrupt:
        console.print("Stopped; the data is kept for the next start (`make clean` deletes it).")
    except LauncherError as error:
        print(f"\n{error.what}\n{error.remedy}", file=sys.stderr)
        if error.log_tail:
            print(f"\n{error.log_tail}", file=sys.stderr)
        return 1
    return 0


def _interrupt(signum: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _introduce(system: LocalSystem, console: Console, numbers: Mapping[str, str]) -> None:
    """Print the addresses, the people, and how to get a token."""
    people = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("id", "role", "acts for", "who"):
        people.add_column(column)
    for person in system.people.values():
        people.add_row(person.id, person.role, person.acts_for, person.about)
    logins = "".join(f"\nLogin    {system.portals_url}/login?d%C3%B8r={portal}" for portal in _PORTALS)
    console.print(
        f"\nPortals  {system.portals_url}"
        f"{logins}"
        f"\nAPI      {system.gateway_url}/v1"
        f"\nOpenAPI  {system.gateway_url}/v1/openapi.json"
        f"\nTokens   {system.provider_url}/token"
        f"\nHealth   {system.health_url('gateway')}/health/ready, and /metrics there; each process has its own port"
        f"\nKafka    {system.kafka} (users and passwords: {system.config.data / 'keys' / 'kafka'})"
        f"\nMongoDB  {system.mongodb_access.address}"
        f"\nLogs     {system.config.data / 'logs'}\n",
        soft_wrap=True,
    )
    console.print(people)
    for citizen, number in numbers.items():
        console.print(f"\n{citizen} has card [bold]{number}[/bold].", end="")
    console.print()
    console.print(
        "\nA token for one of them, good for an hour:"
        f"\n  ID=employer-a; curl -s -u $ID:local-$ID -d grant_type=client_credentials {system.provider_url}/token\n",
        soft_wrap=True,
    )


if __name__ == "__main__":
    raise SystemExit(main())
