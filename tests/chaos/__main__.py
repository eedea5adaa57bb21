"""``make chaos``: start the system, inject a fault per round, and reconcile. Exit code 0 only if everything agrees.

Environment variables: ROUNDS (20), SECONDS of load per round (8), PROFILE (single or cluster), SEED (random), KEEP (the
directory for data and logs; a new one under /tmp), ONLY (kinds of rounds, comma separated; all).
"""

from __future__ import annotations

import asyncio
import os
import secrets
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from deploy.local.cluster import ENVIRONMENT as CLUSTER_ENVIRONMENT
from deploy.local.cluster import Cluster
from deploy.local.config import REPOSITORY, Config
from deploy.local.engines import Engines
from deploy.local.errors import LauncherError
from deploy.local.progress import for_people
from deploy.local.system import LocalSystem
from tests.chaos import report
from tests.chaos.cluster_rounds import CLUSTER
from tests.chaos.disk import Disk
from tests.chaos.environment import ENVIRONMENT
from tests.chaos.rounds import SINGLE
from tests.chaos.run import Chaos

_RESULTS = {
    "single": REPOSITORY / "build" / "chaos.json",
    "cluster": REPOSITORY / "build" / "chaos-cluster.json",
}


def main() -> int:
    """Run the rounds. Returns the exit code."""
    console = Console(highlight=False, soft_wrap=True)
    rounds, seconds = int(os.environ.get("ROUNDS") or 20), float(os.environ.get("SECONDS") or 8)
    profile = os.environ.get("PROFILE") or "single"
    seed = int(os.environ.get("SEED") or secrets.randbelow(10**6))
    if profile not in _RESULTS:
        console.print(f"PROFILE is single or cluster, not {profile}.")
        return 2
    command = f"make chaos ROUNDS={rounds} SECONDS={seconds:g} PROFILE={profile} SEED={seed}"
    console.print(f"[bold]Frikort[/bold] under chaos: {command}")
    directory = Path(os.environ.get("KEEP") or tempfile.mkdtemp(prefix="frikort-chaos-"))
    disks = _small_disks(directory) if profile == "single" else {}
    try:
        config = Config(directory, environment={**ENVIRONMENT, **(CLUSTER_ENVIRONMENT if profile == "cluster" else {})})
        with LocalSystem(config, for_people(), engines=Cluster if profile == "cluster" else Engines) as system:
            return asyncio.run(_play(console, system, profile, rounds, seconds, seed, disks, command))
    except LauncherError as error:
        console.print(f"\n{error.what}\n{error.remedy}\n{error.log_tail}", markup=False)
        return 1
    finally:
        console.print(f"logs: {directory / 'logs'}")
        for disk in disks.values():
            disk.unmount()


def _small_disks(directory: Path) -> dict[str, Disk]:
    """A disk for each engine, if the machine allows mounting one."""
    mounted = {name: Disk.mount(directory / name) for name in ("mongodb", "kafka")}
    return {name: disk for name, disk in mounted.items() if disk is not None}


async def _play(
    console: Console,
    system: LocalSystem,
    profile: str,
    rounds: int,
    seconds: float,
    seed: int,
    disks: dict[str, Disk],
    command: str,
) -> int:
    every = CLUSTER if profile == "cluster" else SINGLE
    only = [kind.strip() for kind in (os.environ.get("ONLY") or "").split(",") if kind.strip()]
    kinds = {kind: every[kind] for kind in only or every}
    began = time.monotonic()
    commit = report.commit()
    async with Chaos(system, kinds, seconds, seed, disks) as chaos:
        try:
            rows = await chaos.run(rounds)
        finally:
            activity = chaos.activity()
            facts = {
                "date": datetime.now(UTC).isoformat(timespec="seconds"),
                "commit": commit,
                "command": command,
                "minutes": round((time.monotonic() - began) / 60, 1),
                "activity": activity,
                "acknowledged": dict(chaos.journal.acknowledged),
                "refused": dict(chaos.journal.refused),
                "records": chaos.topics.records,
                "repeated_records": chaos.topics.repeated,
                "dead_letters": chaos.topics.dead.total(),
            }
            report.write(_RESULTS[profile], chaos.rows, facts)
    report.show(console, rows, f"{profile}, {facts['date']}, commit {commit}, {facts['minutes']} minutes")
    console.print(", ".join(f"{count} {what}" for what, count in activity.items()))
    console.print(
        f"{facts['records']} records read, {facts['repeated_records']} of them repeats; "
        f"{facts['dead_letters']} dead letters"
    )
    missing = report.insufficient_activity(activity, rounds)
    for line in missing:
        console.print(f"[red]{line}[/red]")
    bad = [row for row in rows if not row.good]
    console.print("[red]The figures do not agree.[/red]" if bad else "[green]Nothing lost, nothing doubled.[/green]")
    return 1 if bad or missing else 0


if __name__ == "__main__":
    sys.exit(main())
