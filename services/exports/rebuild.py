"""Build documents of exports again from the topics: ``python -m services.exports.rebuild statements card_feeds``."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

from frikort_contracts.authorities import FEEDS

from services.exports.card_feeds.records import OWN_CPR
from services.exports.cpr_encryption import cpr_encryptors
from services.exports.extracts.reader import ExtractReader
from services.exports.processors import processors
from services.exports.rebuilding.card_feeds import CardFeedsComparison
from services.exports.rebuilding.reader import last_records
from services.exports.rebuilding.statements import StatementsComparison
from services.exports.settings import ExportsSettings
from services.exports.statistics.card_history import CARD_HISTORIES
from services.runtime.key_providers import SettingsProvider
from services.runtime.mongo.driver import Database
from services.runtime.person_keys import PersonKeys
from services.runtime.rebuild import command
from services.runtime.rebuild.beside import Rebuild
from services.runtime.rebuild.compared import ComparedRebuild


def _comparisons(settings: ExportsSettings) -> tuple[StatementsComparison, CardFeedsComparison]:
    keys = PersonKeys(SettingsProvider(settings))
    return (
        StatementsComparison(cpr_encryptors(settings, keys)(OWN_CPR), lambda: keys.read(settings)),
        CardFeedsComparison(FEEDS, last_records(FEEDS, settings)),
    )


def _histories(settings: ExportsSettings, *, removes: bool) -> Rebuild:
    del removes  # the new collection has no others
    return Rebuild("exports", CARD_HISTORIES, settings)


def _statements(settings: ExportsSettings, *, removes: bool) -> ComparedRebuild[Any, Any]:
    statements, feeds = _comparisons(settings)
    of_service = processors(statements.documents, feeds.documents)

    async def prepare(database: Database) -> None:
        await ExtractReader(database, statements.documents).ensure_indexes()

    return ComparedRebuild("exports", statements, of_service, settings, removes=removes, prepare=prepare)


def _card_feeds(settings: ExportsSettings, *, removes: bool) -> ComparedRebuild[Any, Any]:
    statements, feeds = _comparisons(settings)
    of_service = processors(statements.documents, feeds.documents)
    return ComparedRebuild("exports", feeds, of_service, settings, removes=removes)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command. Returns its exit code."""
    # The feeds follow from the statements, so these come first.
    rebuilds: Mapping[str, command.Build[ExportsSettings]] = {
        CARD_HISTORIES.name: _histories,
        "statements": _statements,
        "card_feeds": _card_feeds,
    }
    return command.run("services.exports.rebuild", rebuilds, ExportsSettings, arguments)


if __name__ == "__main__":
    sys.exit(main())
