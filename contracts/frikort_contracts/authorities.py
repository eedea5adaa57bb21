"""The authorities that have a feed: a table, which a file replaces.

Topics, rights on the broker, and what exports publishes follow from it. ``FRIKORT_AUTHORITIES`` names a TOML file with
a table ``[[authorities]]`` for each authority, with the fields of ``Feed``; without it, the table is ``LOCAL``. All
processes and the command that creates topics need the same file. An authority whose ``cpr`` is true has a public key in
the file of ``FRIKORT_AUTHORITY_KEYS`` of exports.
"""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final, Self

from pydantic import Field, StringConstraints, TypeAdapter, ValidationError, model_validator

from frikort_contracts.values import MunicipalityCode, Value

SETTING: Final = "FRIKORT_AUTHORITIES"
AuthorityName = Annotated[
    str,
    StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,39}$"),
    Field(description="The authority whose feed it is, as in the name of its topic."),
]


class Facts(StrEnum):
    """The content of a feed. A closed list: each has message types of its own."""

    TAX = "tax"  # a year by card and employer
    BENEFITS = "benefits"  # a year by card and payment date, of the citizens of one municipality
    USE = "use"  # the state of every card, and a year by card, without persons


class Feed(Value):
    """A row of the table: one authority, and the feed that it reads.

    ``principal`` is its user of the broker. ``cpr``: records have the CPR number, encrypted with the authority's key.
    ``version`` is that of the topic's name: 1 unless a topic of that name has another form.
    """

    name: AuthorityName
    facts: Facts
    version: int = Field(default=1, ge=1)
    municipality: MunicipalityCode | None = None
    cpr: bool = False
    principal: str = Field(default="", pattern=r"^(authority-[a-z0-9-]+)?$")

    @model_validator(mode="after")
    def _is_possible(self) -> Self:
        if (self.facts is Facts.BENEFITS) != (self.municipality is not None):
            raise ValueError("benefits are of one municipality, and other facts of none")
        if self.facts is Facts.USE and self.cpr:
            raise ValueError("use is without persons")
        return self

    @property
    def user(self) -> str:
        """The principal of the broker that reads the feed."""
        return self.principal or f"authority-{self.name}"

    @property
    def topic(self) -> str:
        """The name of the feed's topic."""
        return f"frikort.authority.{self.name}.v{self.version}"


def municipality_feed(code: str, *, cpr: bool = True) -> Feed:
    """The feed of a municipality's benefit system."""
    return Feed(name=f"municipality-{code}", facts=Facts.BENEFITS, municipality=code, cpr=cpr)


LOCAL: Final = (
    Feed(name="skat", facts=Facts.TAX, version=2, cpr=True),
    Feed(name="star", facts=Facts.USE, version=2),
    municipality_feed("101"),
    municipality_feed("849"),
)
"""The tax agency, STAR, and two municipalities."""

_ROWS: Final[TypeAdapter[tuple[Feed, ...]]] = TypeAdapter(tuple[Feed, ...])


def read(path: Path) -> tuple[Feed, ...]:
    """The table in a file. Raises ``ValueError`` that says what is wrong with it."""
    try:
        rows = _ROWS.validate_python(tomllib.loads(path.read_text(encoding="utf-8"))["authorities"])
    except KeyError:
        raise ValueError(f"{path} has no table [[authorities]]") from None
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise ValueError(f"{path} cannot be read: {type(error).__name__}") from None
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
        raise ValueError(f"{path} has no valid table [[authorities]]: {problems}") from None
    if len({row.name for row in rows}) < len(rows):
        raise ValueError(f"{path} names an authority twice")
    return rows


def configured(environment: Mapping[str, str] = os.environ) -> tuple[Feed, ...]:
    """The table of this process. Raises ``ValueError``."""
    path = environment.get(SETTING)
    return read(Path(path)) if path else LOCAL


def to_toml(rows: Sequence[Feed]) -> str:
    """The file of a table."""
    return "\n".join(_table(row.model_dump(mode="json", exclude_defaults=True)) for row in rows)


def _table(fields: Mapping[str, Any]) -> str:
    # Numbers, truth values and plain texts are the same in JSON.
    return "[[authorities]]\n" + "".join(f"{name} = {json.dumps(value)}\n" for name, value in fields.items())


FEEDS: Final = configured()
_BY_NAME: Final = {feed.name: feed for feed in FEEDS}


def feed_of(name: str) -> Feed | None:
    """The feed of an authority; None if the table does not have it."""
    return _BY_NAME.get(name)
