"""Statements written by Polars: ``python polars_writing.py <statements> <folder>``, with the bench's packages.

The statements are those in ``statements.json`` of the folder, repeated.

They are in memory in Polars' form: a frame with a row for each employer of a card for CSV and Parquet, amounts in
whole øre, and a frame with a row for each card for JSON Lines. Polars uses all cores. Prints seconds and peak memory as
JSON.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from time import perf_counter

import polars as pl


def main() -> None:
    """Write the files and print the figures."""
    count, folder = int(sys.argv[1]), Path(sys.argv[2])
    cards = json.loads((folder / "statements.json").read_text())[:count]
    rows = [
        {
            "cpr": card["cpr"],
            "card_id": card["card_id"],
            "year": card["year"],
            "municipality": card["municipality"],
            "name": "København",
            **line,
            "allowance": card["allowance"],
            "provisional": "nej",
            "revision": card["revision"],
            "disputed": "nej",
        }
        for card in cards
        for line in card["employers"]
    ]
    times = count // len(cards)
    by_card = pl.concat([pl.DataFrame(cards, schema_overrides={"disputed_employers": pl.List(pl.String)})] * times)
    by_employer = pl.concat([pl.DataFrame(rows)] * times)
    begun = perf_counter()
    by_employer.write_csv(folder / "polars.csv", separator=";", include_bom=True)
    csv_done = perf_counter()
    by_card.write_ndjson(folder / "polars.json")
    by_employer.write_parquet(folder / "polars.parquet")
    seconds = perf_counter() - begun
    json.dump({"seconds": seconds, "csv": csv_done - begun, "MB": _peak_mb()}, sys.stdout)


def _peak_mb() -> float:
    # Not ``ru_maxrss``: that starts at the value of the parent process.
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))


if __name__ == "__main__":
    main()
