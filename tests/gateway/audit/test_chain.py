"""A checkpoint protects the content and the order of the entries that it names, and the checkpoint before it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from frikort_contracts.audit_log import Checkpoint, Expiry
from hypothesis import given
from hypothesis import strategies as st

from services.gateway.audit.chain import (
    CheckpointReader,
    SigningKey,
    VerificationKeys,
    digest_of,
    digest_of_text,
    next_checkpoint,
)
from services.gateway.retention.periods import AUDIT_ENTRIES
from tests.tokens import falsified

KEY = SigningKey(b"k" * 32)
OTHER = SigningKey(b"o" * 32)
CHAIN = "c"
SIGNED_AT = datetime(2026, 1, 1, 0, 1, tzinfo=UTC)
LATER = SIGNED_AT + AUDIT_ENTRIES + timedelta(days=1)


def entry(number: int, **changes: Any) -> dict[str, Any]:
    stored = {"_id": f"2026-01-01T00:00:{number:02d}.000000+00:00|{number}", "subject": "card:a", "reason": "sag"}
    return {**stored, "chain": CHAIN, "number": number, **changes}


def checkpoints_of(*groups: Sequence[Mapping[str, Any]], key: SigningKey = KEY) -> list[str]:
    """The signed checkpoints of groups of entries, one after the other."""
    texts: list[str] = []
    for sequence, group in enumerate(groups, 1):
        texts.append(key.sign(next_checkpoint(CHAIN, sequence, texts[-1] if texts else None, group)))
    return texts


def expiry(through: int, *, before: datetime = LATER - AUDIT_ENTRIES, key: SigningKey = KEY, chain: str = CHAIN) -> str:
    """A signed expiry of the first entries."""
    return key.sign(Expiry(chain=chain, through=through, before=before))


def findings(
    texts: Sequence[str], stored: Sequence[Mapping[str, Any]], *expiries: str, signed_at: datetime = SIGNED_AT
) -> list[str]:
    """What a check long afterwards finds, as "kind number"."""
    reader = CheckpointReader(VerificationKeys([KEY.public]))
    for text in expiries:
        reader.read_expiry(CHAIN, text, at=LATER, now=LATER, kept=AUDIT_ENTRIES)
    for text in texts:
        if (checkpoint := reader.read(CHAIN, text)) is not None:
            after, last = reader.signed.get(CHAIN, 0), checkpoint.entries[-1].number
            of_checkpoint = {one["number"]: one for one in stored if after < one["number"] <= last}
            reader.check(checkpoint, of_checkpoint, at=signed_at)
    return [f"{finding.what} {finding.number}" for finding in reader.findings]


ENTRIES = [entry(number) for number in range(1, 7)]
CHECKPOINTS = checkpoints_of(ENTRIES[:2], ENTRIES[2:5], ENTRIES[5:])


def test_unchanged_entries_agree_with_their_checkpoints() -> None:
    assert findings(CHECKPOINTS, ENTRIES) == []


@pytest.mark.parametrize("field", ["_id", "subject", "reason"])
def test_an_altered_entry_is_named(field: str) -> None:
    changed = [entry(4, **{field: "another"}) if one["number"] == 4 else one for one in ENTRIES]
    assert findings(CHECKPOINTS, changed) == ["altered 4"]


def test_an_entry_with_a_field_more_is_named() -> None:
    assert findings(CHECKPOINTS, [*ENTRIES[:5], entry(6, note="x")]) == ["altered 6"]


def test_a_removed_entry_is_named() -> None:
    assert findings(CHECKPOINTS, [one for one in ENTRIES if one["number"] != 3]) == ["removed 3"]


def test_reordered_entries_are_named() -> None:
    swapped = {3: 4, 4: 3}
    moved = [{**one, "number": swapped.get(one["number"], one["number"])} for one in ENTRIES]
    assert findings(CHECKPOINTS, moved) == ["reordered 3", "reordered 4"]


def test_an_added_entry_is_named() -> None:
    """A number is free where an entry was in the log before."""
    texts = checkpoints_of([ENTRIES[0], ENTRIES[2]])
    assert findings(texts, [ENTRIES[0], ENTRIES[2]]) == []
    assert findings(texts, ENTRIES[:3]) == ["added 2"]


@pytest.mark.parametrize("count", [1, 1_000, 2_000])
def test_a_checkpoint_is_read_however_many_entries_it_has(count: int) -> None:
    entries = [entry(number) for number in range(1, count + 1)]
    assert findings(checkpoints_of(entries), entries) == []


def test_a_checkpoint_of_another_key_is_not_accepted() -> None:
    rewritten = [entry(number, reason="another") for number in range(1, 7)]
    forged = checkpoints_of(rewritten[:2], rewritten[2:5], rewritten[5:], key=OTHER)
    assert findings(forged, rewritten) == ["checkpoint not signed 0"] * 3


def test_a_missing_checkpoint_is_named_and_so_are_its_entries() -> None:
    assert findings([CHECKPOINTS[0], CHECKPOINTS[2]], ENTRIES) == [
        "checkpoint missing 0",
        "added 3",
        "added 4",
        "added 5",
    ]


def test_a_checkpoint_that_does_not_follow_the_one_before_is_named() -> None:
    """Only a holder of the key can make it."""
    other = checkpoints_of([entry(1, reason="another"), ENTRIES[1]], ENTRIES[2:5])
    assert findings([CHECKPOINTS[0], other[1]], ENTRIES) == ["checkpoint altered 0"]


def test_checkpoints_that_are_published_again_are_read_once() -> None:
    assert (
        findings(
            [CHECKPOINTS[0], CHECKPOINTS[0], CHECKPOINTS[1], CHECKPOINTS[0], CHECKPOINTS[1], CHECKPOINTS[2]], ENTRIES
        )
        == []
    )


def test_the_same_checkpoint_is_signed_with_the_same_text() -> None:
    checkpoint = next_checkpoint(CHAIN, 1, None, ENTRIES)
    assert KEY.sign(checkpoint) == SigningKey(b"k" * 32).sign(checkpoint)


def test_checkpoints_stay_valid_after_the_key_was_replaced() -> None:
    old = checkpoints_of(ENTRIES[:2], key=OTHER)
    new = KEY.sign(next_checkpoint(CHAIN, 2, old[-1], ENTRIES[2:]))
    keys = VerificationKeys([KEY.public, OTHER.public])
    assert [keys.read(text) is not None for text in (*old, new)] == [True, True]


@pytest.mark.parametrize("text", ["", "a.b.c", "not a token", falsified(CHECKPOINTS[0]), CHECKPOINTS[0] + ".x"])
def test_a_text_that_is_no_signed_checkpoint_is_refused(text: str) -> None:
    assert VerificationKeys([KEY.public]).read(text) is None


def test_a_public_key_does_not_hold_the_private_one() -> None:
    assert set(KEY.public) == {"kty", "crv", "x", "kid"}


@given(st.lists(st.integers(1, 5), min_size=1, max_size=5), st.data())
def test_any_change_of_any_entry_is_found(sizes: list[int], data: st.DataObject) -> None:
    stored = [entry(number) for number in range(1, sum(sizes) + 1)]
    starts = [sum(sizes[:index]) for index in range(len(sizes))]
    texts = checkpoints_of(*(stored[start : start + size] for start, size in zip(starts, sizes, strict=True)))
    number = data.draw(st.integers(1, len(stored)))
    changed = data.draw(st.sampled_from([None, "subject", "reason"]))
    after = [
        one if one["number"] != number else {**one, changed or "": "x"}
        for one in stored
        if changed is not None or one["number"] != number
    ]
    assert findings(texts, stored) == []
    assert findings(texts, after) == [f"{'removed' if changed is None else 'altered'} {number}"]


def test_a_checkpoint_names_no_content() -> None:
    payload = Checkpoint.model_validate(VerificationKeys([KEY.public]).read(CHECKPOINTS[0])).model_dump_json()
    assert "sag" not in payload
    assert "card" not in payload


def test_a_missing_entry_that_has_expired_is_no_difference() -> None:
    assert findings(CHECKPOINTS, ENTRIES[3:], expiry(3)) == []
    assert findings(CHECKPOINTS, ENTRIES, expiry(3)) == [], "they are not removed yet"


def test_a_removed_entry_is_named_beside_expired_ones() -> None:
    assert findings(CHECKPOINTS, [*ENTRIES[3:4], ENTRIES[5]], expiry(3)) == ["removed 5"]


def test_an_expired_entry_that_is_altered_and_not_removed_is_named() -> None:
    assert findings(CHECKPOINTS, [entry(1, reason="another"), *ENTRIES[1:]], expiry(3)) == ["altered 1"]


def test_an_expiry_of_another_key_or_another_chain_counts_for_nothing() -> None:
    for forged in (expiry(3, key=OTHER), expiry(3, chain="d"), CHECKPOINTS[0]):
        found = findings(CHECKPOINTS, ENTRIES[3:], forged)
        assert found == ["expiry not signed 0", "removed 1", "removed 2", "removed 3"]


def test_an_expiry_cannot_hide_entries_that_are_younger_than_the_term() -> None:
    """Also not one that was signed with the right key."""
    early = expiry(3, before=LATER - AUDIT_ENTRIES + timedelta(seconds=1))
    assert findings(CHECKPOINTS, ENTRIES[3:], early)[:2] == ["expired too early 3", "removed 1"]

    young = LATER - timedelta(days=365)
    assert findings(CHECKPOINTS, ENTRIES[3:], expiry(6), signed_at=young) == [
        "expired too early 1",
        "expired too early 2",
        "expired too early 3",
    ]


NAMES = st.text(st.characters(codec="utf-8"))
VALUES = st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | NAMES


@given(st.dictionaries(NAMES, VALUES))
def test_a_digest_is_that_of_the_json_with_sorted_names(stored: dict[str, Any]) -> None:
    content = {name: value for name, value in stored.items() if name not in ("chain", "number")}
    text = json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"))

    assert digest_of(stored) == digest_of_text(text)
