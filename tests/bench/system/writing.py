"""The files of an extract as exports writes them: ``python -m tests.bench.system.writing <statements> <folder>``.

Statements come from memory, 500 at a time as from the database. Prints seconds and peak memory as JSON.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from time import perf_counter

from frikort_contracts.extract_files import ExtractKind
from frikort_contracts.extracts import Authority

from services.exports.extracts.files import ExtractFiles
from services.exports.extracts.layouts import layout_of
from services.exports.feeds import statement_fields
from services.runtime.file_store import FileStore
from tests.bench.processes import peak_bytes
from tests.bench.system.statements import CPR, DISTINCT, card_id, figures

_AT_ONCE = 500


def main() -> None:
    """Write the files and print the figures."""
    count, folder = int(sys.argv[1]), Path(sys.argv[2])
    known = [(card_id(number), figures(number)) for number in range(DISTINCT)]
    begun = perf_counter()
    files = ExtractFiles(layout_of(ExtractKind.TAX_YEAR), FileStore(folder.absolute().as_uri()), f"extract-{count}")
    for start in range(0, count, _AT_ONCE):
        first = start % DISTINCT
        some = known[first : first + min(_AT_ONCE, count - start)]
        files.add([statement_fields(Authority.SKAT, card, CPR, of_year) for card, of_year in some])
    files.finish()
    files.close()
    seconds = perf_counter() - begun
    json.dump({"seconds": seconds, "MB": peak_bytes(os.getpid()) / 2**20}, sys.stdout)


if __name__ == "__main__":
    main()
