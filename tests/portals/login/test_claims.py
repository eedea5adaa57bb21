"""What the OpenID provider tells, as roles."""

from __future__ import annotations

from typing import Any

import pytest

from services.gateway.auth import Role
from services.gateway.settings import ClaimNames
from services.portals.login.claims import RoleGrant, roles_from_claims
from tests.portals.login.fakes import CLIENT, ISSUER

CPR = "6101800101"
CVR = "99000007"


def grants(names: ClaimNames | None = None, **told: Any) -> dict[Role, RoleGrant]:
    return roles_from_claims({"sub": "someone", **told}, names or ClaimNames(), issuer=ISSUER, client_id=CLIENT)


@pytest.mark.parametrize(
    ("told", "role", "organisation"),
    [
        ({"cpr": CPR}, Role.CITIZEN, CPR),
        ({"cpr": "610180-0101"}, Role.CITIZEN, CPR),
        ({"cvr": CVR}, Role.EMPLOYER, CVR),
        ({"signs_for": CVR}, Role.EMPLOYER, CVR),
        ({"municipality": "849"}, Role.CASEWORKER, "849"),
        ({"authority": "skat"}, Role.AUTHORITY, "skat"),
    ],
)
def test_who_has_one_claim_has_one_role(told: dict[str, str], role: Role, organisation: str) -> None:
    [(found, grant)] = grants(None, **told).items()

    assert (found, grant.claims.role, grant.claims.organisation) == (role, role, organisation)
    assert (grant.claims.iss, grant.claims.sub, grant.claims.client_id) == (ISSUER, "someone", CLIENT)


def test_a_citizen_who_signs_for_a_business_has_two() -> None:
    found = grants(cpr=CPR, signs_for=CVR, owners=[CPR])

    assert found.keys() == {Role.CITIZEN, Role.EMPLOYER}
    assert found[Role.EMPLOYER].signatory
    assert found[Role.EMPLOYER].claims.owners == (CPR,)
    assert not found[Role.CITIZEN].signatory
    assert found[Role.CITIZEN].claims.owners == ()


def test_an_employee_does_not_sign() -> None:
    assert not grants(cvr=CVR)[Role.EMPLOYER].signatory
    assert grants(cvr=CVR, signs_for=CVR)[Role.EMPLOYER].signatory


def test_whoever_signs_for_another_business_is_an_employee_of_this_one() -> None:
    grant = grants(cvr=CVR, signs_for="99000015", owners=[CPR])[Role.EMPLOYER]

    assert (grant.claims.cvr, grant.signatory, grant.claims.owners) == (CVR, False, ())


@pytest.mark.parametrize(
    "told",
    [
        {},
        {"cpr": ""},
        {"cpr": "3113800101"},
        {"cvr": "12345678"},
        {"cvr": ["99000007"]},
        {"municipality": "999"},
        {"authority": "nobody"},
        {"signs_for": CVR, "owners": ["nobody"]},
        {"sub": CPR, "cpr": CPR},
        {"sub": None, "cpr": CPR},
    ],
)
def test_what_makes_no_sense_gives_no_role(told: dict[str, Any]) -> None:
    assert grants(**told) == {}


def test_one_wrong_claim_takes_no_other_role_away() -> None:
    assert grants(cpr=CPR, cvr="12345678").keys() == {Role.CITIZEN}


def test_a_wrong_claim_is_logged_without_its_value(capsys: pytest.CaptureFixture[str]) -> None:
    grants(cpr="3113800101")

    logged = capsys.readouterr().out
    assert "gateway.login_claims_unusable" in logged
    assert "cpr" in logged
    assert "3113800101" not in logged


def test_the_names_of_the_claims_are_settings() -> None:
    names = ClaimNames(cpr="https://data.gov.dk/model/core/eid/cprNumber")

    assert grants(names, **{"https://data.gov.dk/model/core/eid/cprNumber": CPR}).keys() == {Role.CITIZEN}
    assert grants(names, cpr=CPR) == {}
