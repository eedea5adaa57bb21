"""The invented people of the local system, from people.toml."""

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


class Person(BaseModel):
    """Someone who can get a token; `id` is the OAuth2 client id."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str
    role: Role
    name: str
    about: str
    municipality: Annotated[str, Field(pattern=r"^\d{3}$")] | None = None
    cvr: Annotated[str, Field(pattern=r"^\d{8}$")] | None = None
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
        """The OAuth2 client secret. It opens nothing but the local token issuer, so it is one to remember."""
        return f"local-{self.id}"

    @property
    def acts_for(self) -> str:
        """The municipality code, CVR number, CPR number or authority that they act for."""
        return str(getattr(self, _OWN_CLAIM[self.role]))

    def claims(self) -> dict[str, object]:
        """What a token says about them, beyond the claims that every token has."""
        return self.model_dump(mode="json", exclude={"id", "name", "about"}, exclude_none=True)


def load(path: Path = PEOPLE) -> dict[str, Person]:
    """The people by id.

    Raises:
        pydantic.ValidationError: the file is not as it should be.
    """
    rows = tomllib.loads(path.read_text())["people"]
    return {row["id"]: Person.model_validate(row) for row in rows}
