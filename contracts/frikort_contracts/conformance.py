"""``python -m frikort_contracts.conformance``: whether two parties have the same figures, without showing them.

Both make digests of their figures under a key that both hold, exchange the digests and compare them::

    python -m frikort_contracts.conformance digest figures.jsonl --key key.txt > ours.json
    python -m frikort_contracts.conformance compare ours.json theirs.json

Figures are JSON Lines: objects with ``card_id``, ``exempt``, ``excess`` and ``year``, or ``month`` in an extract of a
period, as a feed's records and an extract's JSON Lines file have them. Of two with the same card and year (or month)
the higher ``revision`` counts. Those at zero are left out, as an extract leaves them out. Figures of years and of
months differ: compare like with like.

A digest is of a bucket: the figures whose keyed hashes choose it. A holder of the key could guess the amounts of a
bucket with one of them from its digest, so use few buckets: the figures of a large one cannot be guessed together.
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
"""Figures of a bucket below which the command warns."""
_FORMAT: Final = "frikort-conformance-1"

Figures = Mapping[tuple[str, str], tuple[int, int]]
"""Exempt and excess (øre) by card, and year (`2025`) or month (`2025-03`)."""


def figures_of(objects: Iterable[Mapping[str, Any]]) -> Figures:
    """The newest figures of each card and year or month. The state of a card, which has neither, is left out.

    Raises ``ValueError`` for amounts without a year or month.
    """
    newest: dict[tuple[str, str], Mapping[str, Any]] = {}
    for one in objects:
        period = one.get("year", one.get("month"))
        if period is None:
            if "exempt" in one or "excess" in one:
                raise ValueError("an object with amounts has no year or month")
            continue
        key = one["card_id"], str(period)
        if key not in newest or one.get("revision", 0) >= newest[key].get("revision", 0):
            newest[key] = one
    amounts = {key: (int(one.get("exempt", 0)), int(one.get("excess", 0))) for key, one in newest.items()}
    return {key: sums for key, sums in amounts.items() if any(sums)}


def digests(figures: Figures, key: bytes, buckets: int = DEFAULT_BUCKETS) -> dict[str, Any]:
    """The digest of each bucket, and how many figures there are. Raises ``ValueError`` for a short key or no bucket."""
    if len(key) < KEY_BYTES:
        raise ValueError(f"the key needs at least {KEY_BYTES} bytes")
    if buckets < 1:
        raise ValueError("there must be at least one bucket")
    lines: dict[int, list[str]] = defaultdict(list)
    for (card_id, period), (exempt, excess) in figures.items():
        place = int.from_bytes(_hash(key, "place", f"{card_id}:{period}")[:8]) % buckets
        lines[place].append(f"{card_id}:{period}:{exempt}:{excess}")
    return {
        "format": _FORMAT,
        "count": len(figures),
        "buckets": [_hash(key, "bucket", *sorted(lines[place])).hex() for place in range(buckets)],
    }


def differing(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> list[int]:
    """The buckets that differ. Raises ``ValueError`` if the two cannot be compared, or neither has figures."""
    if any(one["format"] != _FORMAT or not one["buckets"] for one in (ours, theirs)):
        raise ValueError("one of the files is no output of digest")
    if len(ours["buckets"]) != len(theirs["buckets"]):
        raise ValueError("the digests have different numbers of buckets")
    if not ours["count"] and not theirs["count"]:
        raise ValueError("there are no figures on either side")
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
        sys.stderr.write(f"Few figures for {given.buckets} buckets: do not give these digests to others.\n")
    sys.stdout.write(json.dumps(made) + "\n")
    return SAME


def _compare(given: argparse.Namespace) -> int:
    ours, theirs = (json.loads(path.read_text(encoding="utf-8")) for path in (given.ours, given.theirs))
    found = differing(ours, theirs)
    if not found:
        sys.stdout.write(f"The same: {ours['count']} figures.\n")
        return SAME
    sys.stdout.write(
        f"Different: {ours['count']} and {theirs['count']} figures; buckets {', '.join(map(str, found))} differ.\n"
    )
    return DIFFERENT


if __name__ == "__main__":
    sys.exit(main())
