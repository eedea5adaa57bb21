"""The invented people and programs of the local system, from people.toml."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

PEOPLE = Path(__file__).parent / "people.toml"

Role = Literal["caseworker", "employer", "citizen", "authority"]

SyntheticCpr = Annotated[str, Field(pattern=r"^(6[1-9]|[78]\d|9[01])(0[1-9]|1[0-2])\d{6}$")]
"""A CPR number whose day has 60 added, which no real one has."""

_OWN_CLAIM: dict[Role, str] = {
    "caseworker": "municipality",
    "employer": "cvr",
    "citizen": "cpr",
    "authority": "authority",
}
_IDENTITY = {"name", "cpr", "cvr", "signs_for", "owners", "municipality", "authority"}


class Person(BaseModel):
    """Someone who can get a token (`id` is the OAuth2 client id) and, unless a program, log on by hand."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str
    role: Role
    """What a token is for. By hand, someone may also log on in the other roles that the rest allows."""
    name: str
    about: str
    """What there is to know about them."""
    om: str = ""
    """The same in Danish."""
    program: bool = False
    keyed: bool = False
    """Authenticates with a key (`private_key_jwt`) instead of a secret."""
    municipality: Annotated[str, Field(pattern=r"^\d{3}$")] | None = None
    cvr: Annotated[str, Field(pattern=r"^\d{8}$")] | None = None
    signs_for: Annotated[str, Field(pattern=r"^\d{8}$")] | None = None
    """The CVR number of the business that they may sign for."""
    owners: tuple[SyntheticCpr, ...] | None = None
    """Of a sole trader's business: the CPR numbers of its owners."""
    cpr: SyntheticCpr | None = None
    authority: str | None = None

    @model_validator(mode="after")
    def _says_whom_they_act_for(self) -> Self:
        if getattr(self, _OWN_CLAIM[self.role]) is None:
            raise ValueError(f"{self.id}: a {self.role} needs {_OWN_CLAIM[self.role]}")
        return self

    @property
    def secret(self) -> str:
        """The OAuth2 client secret. It opens nothing but the local OpenID provider, so it is one to remember."""
        return f"local-{self.id}"

    @property
    def acts_for(self) -> str:
        """The municipality code, CVR number, CPR number or authority that they act for."""
        return str(getattr(self, _OWN_CLAIM[self.role]))

    def claims(self) -> dict[str, object]:
        """What an access token says about them, beyond the claims that every token has."""
        of_role = {"role", _OWN_CLAIM[self.role]} | ({"owners"} if self.role == "employer" else set())
        return self.model_dump(mode="json", include=of_role, exclude_none=True)

    def claims_by_role(self) -> dict[Role, dict[str, object]]:
        """What an access token says about them in the portal of each role that they have."""
        business = self.cvr or self.signs_for
        signatory = business is not None and business == self.signs_for
        organisations: dict[Role, str | None] = {
            "citizen": self.cpr,
            "employer": business,
            "caseworker": self.municipality,
            "authority": self.authority,
        }
        claims: dict[Role, dict[str, object]] = {
            role: {"role": role, _OWN_CLAIM[role]: organisation}
            for role, organisation in organisations.items()
            if organisation is not None
        }
        if signatory and self.owners:
            claims["employer"]["owners"] = list(self.owners)
        return claims

    def identity(self) -> dict[str, object]:
        """What the OpenID provider says about them when they log on."""
        return self.model_dump(mode="json", include=_IDENTITY, exclude_none=True)


def load(path: Path = PEOPLE) -> dict[str, Person]:
    """The people by id.

    Raises:
        pydantic.ValidationError: the file is not as it should be.
    """
    rows = tomllib.loads(path.read_text())["people"]
    return {row["id"]: Person.model_validate(row) for row in rows}
