"""From the OpenID provider's claims about a person to the roles in which the person may use the portals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import structlog
from frikort_contracts.extracts import Authority
from frikort_contracts.http.roles import Role
from frikort_contracts.values import AuditorName, Cpr, Cvr, MunicipalityCode
from pydantic import TypeAdapter, ValidationError

from services.portals.settings import ClaimNames

logger = structlog.get_logger(__name__)

_LONGEST_NAME: Final = 200
_CPR: Final = TypeAdapter[str](Cpr)
_ORGANISATIONS: Final[dict[Role, tuple[str, TypeAdapter[str]]]] = {
    Role.EMPLOYER: ("cvr", TypeAdapter(Cvr)),
    Role.CASEWORKER: ("municipality", TypeAdapter(MunicipalityCode)),
    Role.AUTHORITY: ("authority", TypeAdapter(Authority)),
    Role.AUDITOR: ("auditor", TypeAdapter(AuditorName)),
}


@dataclass(frozen=True)
class RoleGrant:
    """A role that a person may use.

    Attributes:
        organisation: CVR number, municipality code, authority or auditor; empty for a citizen, who acts for themselves.
        signatory: whether an employer's person may sign for the business.
        organisation_name: of an employer's business; empty if the provider does not give it.
    """

    organisation: str
    signatory: bool = False
    organisation_name: str = ""


def roles_from_claims(claims: Mapping[str, Any], names: ClaimNames) -> dict[Role, RoleGrant]:
    """The roles of a person. A claim with an unusable value gives no role; the log names the claim alone.

    A person can have several roles: a citizen who signs for a business is also an employer.
    """
    signs_for = claims.get(names.signs_for)
    business = claims.get(names.cvr) or signs_for
    grants: dict[Role, RoleGrant] = {}
    if claims.get(names.cpr) and _usable("cpr", _CPR, claims[names.cpr]) is not None:
        grants[Role.CITIZEN] = RoleGrant(organisation="")
    given = {
        Role.EMPLOYER: business,
        Role.CASEWORKER: claims.get(names.municipality),
        Role.AUTHORITY: claims.get(names.authority),
        Role.AUDITOR: claims.get(names.auditor),
    }
    for role, value in given.items():
        claim, adapter = _ORGANISATIONS[role]
        organisation = _usable(claim, adapter, value) if value else None
        if organisation is not None:
            signatory = role is Role.EMPLOYER and business == signs_for
            name = str(claims.get(names.company) or "")[:_LONGEST_NAME] if role is Role.EMPLOYER else ""
            grants[role] = RoleGrant(str(organisation), signatory, name)
    return grants


def _usable(claim: str, adapter: TypeAdapter[str], value: Any) -> str | None:
    try:
        return adapter.validate_python(value)
    except ValidationError:
        logger.warning("portals.login_claims_unusable", claims=[claim])
        return None
