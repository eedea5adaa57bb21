"""The invented people and the local keys."""

import base64
import json
from collections import Counter
from datetime import date
from pathlib import Path

import pytest
from pydantic import ValidationError

from deploy.local import keys, people
from deploy.local.people import Person

CVR_WEIGHTS = (2, 7, 6, 5, 4, 3, 2, 1)
EVERYONE = list(people.load().values())


def test_the_people_cover_every_role() -> None:
    assert Counter(person.role for person in EVERYONE) == {
        "caseworker": 3,
        "employer": 7,
        "citizen": 5,
        "authority": 2,
        "auditor": 1,
    }
    assert Counter(person.municipality for person in EVERYONE if person.municipality) == {"101": 2, "849": 1}
    assert {person.id for person in EVERYONE if person.keyed} | {keys.PORTAL} == set(keys.CLIENTS)
    assert {person.authority for person in EVERYONE if person.authority} == {"skat", "star"}


def test_every_role_and_business_has_a_person_who_can_log_in() -> None:
    by_hand = [person for person in EVERYONE if not person.program]
    assert {person.role for person in by_hand} == {person.role for person in EVERYONE}
    reached = {cvr for person in by_hand for cvr in (person.cvr, person.signs_for)}
    assert {person.cvr for person in EVERYONE} <= reached


def test_a_token_is_for_one_role() -> None:
    owner = people.load()["owner-a"]
    assert owner.claims() == {"role": "employer", "cvr": owner.cvr}
    assert owner.identity() == {
        "name": owner.name,
        "cpr": owner.cpr,
        "cvr": owner.cvr,
        "signs_for": owner.cvr,
        "company": owner.company,
    }


@pytest.mark.parametrize("cvr", sorted({person.cvr for person in EVERYONE if person.cvr}))
def test_cvr_numbers_are_well_formed(cvr: str) -> None:
    assert sum(weight * int(digit) for weight, digit in zip(CVR_WEIGHTS, cvr, strict=True)) % 11 == 0


@pytest.mark.parametrize("cpr", [person.cpr for person in EVERYONE if person.cpr])
def test_cpr_numbers_are_synthetic(cpr: str) -> None:
    day, month, year = int(cpr[:2]), int(cpr[2:4]), int(cpr[4:6])
    assert 61 <= day <= 91
    assert date(2000 + year if cpr[6] in "49" and year <= 36 else 1900 + year, month, day - 60)


def test_the_sole_trader_is_one_of_the_citizens() -> None:
    owners = {owner for person in EVERYONE for owner in person.owners or ()}
    assert owners
    assert owners <= {person.cpr for person in EVERYONE}


def test_a_real_looking_cpr_number_is_refused() -> None:
    with pytest.raises(ValidationError):
        Person(id="x", role="citizen", name="X", about="", cpr="0101800101")


def test_a_person_must_act_for_someone() -> None:
    with pytest.raises(ValidationError, match="a caseworker needs municipality"):
        Person(id="x", role="caseworker", name="X", about="")


def test_keys_are_created_once_and_kept(tmp_path: Path) -> None:
    first = keys.load_or_create(tmp_path)
    assert keys.load_or_create(tmp_path) == first
    assert keys.load_or_create(tmp_path / "other").lookup_key != first.lookup_key
    key_id, _, encryption_key = first.encryption_keys.partition(":")
    assert key_id
    assert len(base64.b64decode(encryption_key)) == len(base64.b64decode(first.lookup_key)) == 32
    assert all(path.stat().st_mode & 0o077 == 0 for path in tmp_path.iterdir() if path.is_file())
    public, private = (json.loads(path.read_text()) for path in (first.authority_keys, first.authority_private_keys))
    assert set(public) == set(private) == {"skat", "star", "municipality-101", "municipality-849"}
    for name, key in public.items():
        assert "d" not in key
        assert key["crv"] == "P-256"
        assert key.items() <= private[name].items()
