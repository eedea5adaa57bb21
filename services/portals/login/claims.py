"""From what the OpenID provider says of a person to the roles in which that person may call."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import structlog
from pydantic import ValidationError

from services.gateway.auth import Claims, Role
from services.gateway.settings import ClaimNames

logger = structlog.get_logger(__name__)


@dataclass(frozen=True)
class RoleGrant:
    """A role that a person may act in; ``signatory`` is whether they may sign for the business."""

    claims: Claims
    signatory: bool = False


def roles_from_claims(
    told: Mapping[str, Any], names: ClaimNames, *, issuer: str, client_id: str
) -> dict[Role, RoleGrant]:
    """The roles of the person. What is told of them but makes no sense gives no role, and is logged by its name alone.

    A person may have several: a citizen who signs for a business is an employer through that door.
    """
    signs_for = told.get(names.signs_for)
    business = told.get(names.cvr) or signs_for
    signatory = business is not None and business == signs_for
    organisations = {
        Role.CITIZEN: ("cpr", told.get(names.cpr)),
        Role.EMPLOYER: ("cvr", business),
        Role.CASEWORKER: ("municipality", told.get(names.municipality)),
        Role.AUTHORITY: ("authority", told.get(names.authority)),
    }
    grants = {}
    for role, (claim, organisation) in organisations.items():
        if not organisation:
            continue
        owners = told.get(names.owners, ()) if role is Role.EMPLOYER and signatory else ()
        known = {"iss": issuer, "sub": told.get("sub"), "client_id": client_id, "role": role, "owners": owners}
        try:
            grants[role] = RoleGrant(
                Claims.model_validate(known | {claim: organisation}), role is Role.EMPLOYER and signatory
            )
        except ValidationError as error:
            logger.warning("gateway.login_claims_unusable", claims=sorted({str(e["loc"][0]) for e in error.errors()}))
    return grants
