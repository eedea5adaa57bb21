"""The command of a service that rebuilds its projections and the documents of its processors."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol, TypeVar

from services.runtime import exit_codes
from services.runtime.error_kinds import RETRYABLE
from services.runtime.errors import describe
from services.runtime.garbage_collection import collect_seldom
from services.runtime.operator_commands import SettingsRefused, say, settings_for
from services.runtime.processing.projection import Projection
from services.runtime.rebuild.beside import Rebuild
from services.runtime.rebuild.compared import ComparedRebuild, Counts
from services.runtime.rebuild.replay import RebuildStopped
from services.runtime.settings import RuntimeSettings

_AGAIN: Final = "Start the same command again to continue."
T_contra = TypeVar("T_contra", bound=RuntimeSettings, contravariant=True)


class Build(Protocol[T_contra]):
    """Gives a rebuild. ``removes``: whether it removes documents that no record on the topics is about."""

    def __call__(self, settings: T_contra, /, *, removes: bool) -> Rebuild | ComparedRebuild[Any, Any]: ...


def main(
    service: str, program: str, projections: Sequence[Projection[Any]], arguments: Sequence[str] | None = None
) -> int:
    """The command of a service with projections: rebuild some of them, or all one after another."""

    def build(projection: Projection[Any]) -> Build[RuntimeSettings]:
        return lambda settings, /, *, removes: Rebuild(service, projection, settings)

    return run(program, {each.name: build(each) for each in projections}, RuntimeSettings, arguments)


def run(
    program: str,
    rebuilds: Mapping[str, Build[Any]],
    kind: type[RuntimeSettings],
    arguments: Sequence[str] | None = None,
) -> int:
    """The command: rebuild some of these, or all one after another. Returns its exit code."""
    parser = argparse.ArgumentParser(prog=f"python -m {program}")
    parser.add_argument("name", nargs="+", choices=[*rebuilds, "all"], help="what to rebuild, or `all`")
    parser.add_argument("--remove", action="store_true", help="remove documents that no record on the topics is about")
    given = parser.parse_args(arguments)
    names = [*rebuilds] if "all" in given.name else given.name
    try:
        settings = settings_for(program, kind)
    except SettingsRefused as refused:
        return say(exit_codes.UNSAFE_SETTING, str(refused))
    code = exit_codes.DONE
    collect_seldom()
    try:
        for name in names:
            done = asyncio.run(rebuilds[name](settings, removes=given.remove).run())
            if isinstance(done, Counts) and not done.is_complete:
                code = say(exit_codes.NOT_DONE, f"{name}: some documents could not be compared; see above")
    except RebuildStopped as stopped:
        return say(exit_codes.STOPPED_ITSELF, f"stopped: {stopped}", _AGAIN)
    except RETRYABLE as error:
        return say(exit_codes.CANNOT_START, f"Kafka or MongoDB did not answer: {describe(error)}", _AGAIN)
    return code
