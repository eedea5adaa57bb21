"""The command of a service that rebuilds its projections."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Sequence
from typing import Any

from services.runtime import exit_codes
from services.runtime.operator_commands import SettingsRefused, say, settings_for
from services.runtime.processing.projection import Projection
from services.runtime.rebuild.beside import Rebuild, RebuildStopped


def main(
    service: str, program: str, projections: Sequence[Projection[Any]], arguments: Sequence[str] | None = None
) -> int:
    """The command of a service: rebuild one projection, or all of them one after another."""
    by_name = {projection.name: projection for projection in projections}
    parser = argparse.ArgumentParser(prog=f"python -m {program}")
    parser.add_argument("name", nargs="+", choices=[*by_name, "all"], help="the projections, or `all`")
    given = parser.parse_args(arguments)
    names = [*by_name] if "all" in given.name else given.name
    try:
        settings = settings_for(program)
    except SettingsRefused as refused:
        return say(exit_codes.UNSAFE_SETTING, str(refused))
    try:
        for name in names:
            asyncio.run(Rebuild(service, by_name[name], settings).run())
    except RebuildStopped as stopped:
        return say(exit_codes.STOPPED_ITSELF, f"stopped: {stopped}", "Start the same command again to continue.")
    return exit_codes.DONE
