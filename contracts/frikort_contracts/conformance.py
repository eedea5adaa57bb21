"""``python -m frikort_contracts.conformance``: whether two parties have the same figures, without showing them.

Both make digests of their figures under a key that both hold, exchange the digests and compare them::

    python -m frikort_contracts.conformance digest figures.jsonl --key key.txt > ours.json
    python -m frikort_contracts.conformance compare ours.json theirs.json

Figures are JSON Lines: objects with ``card_id``, ``year``, ``exempt`` and ``excess``, as a feed's records and an
extract's JSON Lines file have them. Of two with the same card and year the higher ``revision`` counts. Card years at
zero are left out, as an extract leaves them out.

A digest is of a bucket: the card years whose keyed hashes choose it. A holder of the key could guess the amounts of a
bucket with one card year from its digest, so use few buckets: the figures of a large one cannot be guessed together.
The buckets that differ narrow a difference down.
"""

from __future__ import annotations

import argparse
import hmac
import json
import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

SAME: Final = 0
DIFFERENT: Final = 1
UNREADABLE: Final = 2
KEY_BYTES: Final = 32
DEFAULT_BUCKETS: Final = 16
SMALL: Final = 50
"""Card years of a bucket below which the command warns."""

Figures = Mapping[tuple[str, int], tuple[int, int]]
"""Exempt and excess (øre) by card and year."""


def figures_of(objects: Iterable[Mapping[str, Any]]) -> Figures:
    """The newest figures of each card and year; objects without a year or amounts are left out."""
    newest: dict[tuple[str, int], Mapping[str, Any]] = {}
    for one in objects:
        if "year" in one:
            key = one["card_id"], int(one["year"])
            if key not in newest or one.get("revision", 0) >= newest[key].get("revision", 0):
                newest[key] = one
    amounts = {key: (int(one.get("exempt", 0)), int(one.get("excess", 0))) for key, one in newest.items()}
    return {key: sums for key, sums in amounts.items() if any(sums)}


def digests(figures: Figures, key: bytes, buckets: int = DEFAULT_BUCKETS) -> dict[str, Any]:
    """The digest of each bucket, and how many card years there are. Raises ``ValueError`` if the key is short."""
    if len(key) < KEY_BYTES:
        raise ValueError(f"the key needs at least {KEY_BYTES} bytes")
    lines: dict[int, list[str]] = defaultdict(list)
    for (card_id, year), (exempt, excess) in figures.items():
        place = int.from_bytes(_hash(key, "place", f"{card_id}:{year}")[:8]) % buckets
        lines[place].append(f"{card_id}:{year}:{exempt}:{excess}")
    return {
        "format": "frikort-conformance-1",
        "count": len(figures),
        "buckets": [_hash(key, "bucket", *sorted(lines[place])).hex() for place in range(buckets)],
    }


def differing(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> list[int]:
    """The buckets that differ. Raises ``ValueError`` if there are not as many of both."""
    if len(ours["buckets"]) != len(theirs["buckets"]):
        raise ValueError("the digests have different numbers of buckets")
    pairs = zip(ours["buckets"], theirs["buckets"], strict=True)
    return [place for place, (one, other) in enumerate(pairs) if not hmac.compare_digest(one, other)]


def _hash(key: bytes, *parts: str) -> bytes:
    return hmac.digest(key, "\n".join(parts).encode(), "sha256")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command. Returns ``SAME``, ``DIFFERENT`` or ``UNREADABLE``."""
    parser = argparse.ArgumentParser(prog="python -m frikort_contracts.conformance", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    digest = commands.add_parser("digest", help="print the digests of figures")
    digest.add_argument("figures", type=Path, help="JSON Lines")
    digest.add_argument("--key", type=Path, required=True, help=f"a file with at least {KEY_BYTES} random bytes")
    digest.add_argument("--buckets", type=int, default=DEFAULT_BUCKETS, help="the same number on both sides")
    compare = commands.add_parser("compare", help="compare two outputs of digest")
    compare.add_argument("ours", type=Path)
    compare.add_argument("theirs", type=Path)
    given = parser.parse_args(arguments)
    try:
        return _digest(given) if given.command == "digest" else _compare(given)
    except (OSError, ValueError, KeyError, TypeError) as error:
        sys.stderr.write(f"The files cannot be used: {type(error).__name__}: {error}\n")
        return UNREADABLE


def _digest(given: argparse.Namespace) -> int:
    lines = given.figures.read_text(encoding="utf-8").splitlines()
    made = digests(figures_of(json.loads(line) for line in lines if line), given.key.read_bytes(), given.buckets)
    if made["count"] < SMALL * given.buckets:
        sys.stderr.write(f"Few card years for {given.buckets} buckets: do not give these digests to others.\n")
    sys.stdout.write(json.dumps(made) + "\n")
    return SAME


def _compare(given: argparse.Namespace) -> int:
    ours, theirs = (json.loads(path.read_text(encoding="utf-8")) for path in (given.ours, given.theirs))
    found = differing(ours, theirs)
    if not found:
        sys.stdout.write(f"The same: {ours['count']} card years.\n")
        return SAME
    sys.stdout.write(
        f"Different: {ours['count']} and {theirs['count']} card years; buckets {', '.join(map(str, found))} differ.\n"
    )
    return DIFFERENT


if __name__ == "__main__":
    sys.exit(main())
