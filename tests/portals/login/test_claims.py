"""From the OpenID provider's claims to roles."""

from __future__ import annotations

from typing import Any

import pytest
from frikort_contracts.http.roles import Role

from services.portals.login.claims import RoleGrant, roles_from_claims
from services.portals.settings import ClaimNames

CPR = "6101800101"
CVR = "99000007"


def grants(names: ClaimNames | None = None, **claims: Any) -> dict[Role, RoleGrant]:
    return roles_from_claims({"sub": "someone", **claims}, names or ClaimNames())


@pytest.mark.parametrize(
    ("claims", "role", "organisation"),
    [
        ({"cpr": CPR}, Role.CITIZEN, ""),
        ({"cpr": "610180-0101"}, Role.CITIZEN, ""),
        ({"cvr": CVR}, Role.EMPLOYER, CVR),
        ({"signs_for": CVR}, Role.EMPLOYER, CVR),
        ({"municipality": "849"}, Role.CASEWORKER, "849"),
        ({"authority": "skat"}, Role.AUTHORITY, "skat"),
    ],
)
def test_a_claim_gives_its_role_and_organisation(claims: dict[str, str], role: Role, organisation: str) -> None:
    [(found, grant)] = grants(None, **claims).items()

    assert (found, grant.organisation) == (role, organisation)


def test_no_grant_holds_a_cpr_number() -> None:
    assert CPR not in str(grants(cpr=CPR, signs_for=CVR, owners=[CPR]))


def test_the_name_of_the_business_is_an_employers_alone() -> None:
    found = grants(cvr=CVR, company="Testbageriet ApS", municipality="849")
    assert {role: grant.organisation_name for role, grant in found.items()} == {
        Role.EMPLOYER: "Testbageriet ApS",
        Role.CASEWORKER: "",
    }


@pytest.mark.parametrize(("company", "length"), [(None, 0), ("", 0), ("x" * 1000, 200)])
def test_the_name_of_the_business_may_be_missing_or_long(company: str | None, length: int) -> None:
    assert len(grants(cvr=CVR, company=company)[Role.EMPLOYER].organisation_name) == length


def test_a_citizen_who_signs_for_a_business_has_two_roles() -> None:
    found = grants(cpr=CPR, signs_for=CVR)

    assert found.keys() == {Role.CITIZEN, Role.EMPLOYER}
    assert found[Role.EMPLOYER].signatory
    assert not found[Role.CITIZEN].signatory


def test_an_employee_does_not_sign() -> None:
    assert not grants(cvr=CVR)[Role.EMPLOYER].signatory
    assert grants(cvr=CVR, signs_for=CVR)[Role.EMPLOYER].signatory


def test_a_person_who_signs_for_another_business_is_an_employee_of_this_one() -> None:
    grant = grants(cvr=CVR, signs_for="99000015")[Role.EMPLOYER]

    assert (grant.organisation, grant.signatory) == (CVR, False)


@pytest.mark.parametrize(
    "claims",
    [
        {},
        {"cpr": ""},
        {"cpr": "3113800101"},
        {"cvr": "12345678"},
        {"cvr": ["99000007"]},
        {"municipality": "999"},
        {"authority": "nobody"},
    ],
)
def test_an_unusable_claim_gives_no_role(claims: dict[str, Any]) -> None:
    assert grants(**claims) == {}


def test_an_unusable_claim_does_not_affect_other_roles() -> None:
    assert grants(cpr=CPR, cvr="12345678").keys() == {Role.CITIZEN}


def test_an_unusable_claim_is_logged_without_its_value(capsys: pytest.CaptureFixture[str]) -> None:
    grants(cpr="3113800101")

    logged = capsys.readouterr().out
    assert "portals.login_claims_unusable" in logged
    assert "cpr" in logged
    assert "3113800101" not in logged


def test_the_names_of_the_claims_are_settings() -> None:
    names = ClaimNames(cpr="https://data.gov.dk/model/core/eid/cprNumber")

    assert grants(names, **{"https://data.gov.dk/model/core/eid/cprNumber": CPR}).keys() == {Role.CITIZEN}
    assert grants(names, cpr=CPR) == {}
