"""The invented people and programs of the local system, from people.toml."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

PEOPLE = Path(__file__).parent / "people.toml"

Role = Literal["caseworker", "employer", "citizen", "authority", "auditor"]

SyntheticCpr = Annotated[str, Field(pattern=r"^(6[1-9]|[78]\d|9[01])(0[1-9]|1[0-2])\d{6}$")]
"""A synthetic CPR number: 60 is added to the day, which no real number has."""

_OWN_CLAIM: dict[Role, str] = {
    "caseworker": "municipality",
    "employer": "cvr",
    "citizen": "cpr",
    "authority": "authority",
    "auditor": "auditor",
}
_IDENTITY = {"name", "cpr", "cvr", "signs_for", "company", "owners", "municipality", "authority", "auditor"}


class Person(BaseModel):
    """A person or program that can get a token; `id` is the OAuth2 client id. Only a person can log in at a page."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str
    role: Role
    """The role of an access token. At the page, a person can also log in in the other roles that the claims allow."""
    name: str
    about: str
    """A description in English."""
    om: str = ""
    """The description in Danish."""
    program: bool = False
    keyed: bool = False
    """Authenticates with a key (`private_key_jwt`) instead of a secret."""
    municipality: Annotated[str, Field(pattern=r"^\d{3}$")] | None = None
    cvr: Annotated[str, Field(pattern=r"^\d{8}$")] | None = None
    signs_for: Annotated[str, Field(pattern=r"^\d{8}$")] | None = None
    """The CVR number of the business that they may sign for."""
    company: str | None = None
    """The name of the business."""
    owners: tuple[SyntheticCpr, ...] | None = None
    """The CPR numbers of the owners, for a sole trader's business."""
    cpr: SyntheticCpr | None = None
    authority: str | None = None
    auditor: str | None = None

    @model_validator(mode="after")
    def _says_whom_they_act_for(self) -> Self:
        if getattr(self, _OWN_CLAIM[self.role]) is None:
            raise ValueError(f"{self.id}: a {self.role} needs {_OWN_CLAIM[self.role]}")
        return self

    @property
    def secret(self) -> str:
        """The OAuth2 client secret. Only the local OpenID provider accepts it, so it is easy to remember."""
        return f"local-{self.id}"

    @property
    def acts_for(self) -> str:
        """The municipality code, CVR number, CPR number, authority or auditor that they act for."""
        return str(getattr(self, _OWN_CLAIM[self.role]))

    def claims(self) -> dict[str, object]:
        """The claims of an access token, beyond those of every token."""
        of_role = {"role", _OWN_CLAIM[self.role]} | ({"owners"} if self.role == "employer" else set())
        return self.model_dump(mode="json", include=of_role, exclude_none=True)

    def claims_by_role(self) -> dict[Role, dict[str, object]]:
        """The claims of an access token, by role."""
        business = self.cvr or self.signs_for
        signatory = business is not None and business == self.signs_for
        organisations: dict[Role, str | None] = {
            "citizen": self.cpr,
            "employer": business,
            "caseworker": self.municipality,
            "authority": self.authority,
            "auditor": self.auditor,
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
        """The claims about the person after a login."""
        return self.model_dump(mode="json", include=_IDENTITY, exclude_none=True)


def load(path: Path = PEOPLE) -> dict[str, Person]:
    """The people by id.

    Raises:
        pydantic.ValidationError: the file is invalid.
    """
    rows = tomllib.loads(path.read_text())["people"]
    return {row["id"]: Person.model_validate(row) for row in rows}
