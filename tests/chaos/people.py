"""Invented people and businesses, generated from the seed of the run, and their tokens."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from functools import cached_property
from random import Random

from frikort_contracts.values import is_cvr
from joserfc.jwk import ECKey

from deploy.local import keys
from deploy.local.people import Person, Role
from deploy.local.system import LocalSystem
from tests import tokens

MUNICIPALITIES = ("101", "751", "849", "461")
_TOKEN_SECONDS = 12 * 3600
_FIRST_BIRTH = date(1940, 1, 1).toordinal()


class People:
    """Generates people and businesses, each only once."""

    def __init__(self, system: LocalSystem, random: Random) -> None:
        self._system = system
        self._random = random
        self._drawn: set[str] = set()
        self._tokens: dict[str, str] = {}

    def cpr(self) -> str:
        """A synthetic CPR number: the day has 60 added."""
        return self._new(self._cpr)

    def cvr(self) -> str:
        """The CVR number of an employer."""
        return self._new(self._cvr)

    def caseworker(self, municipality: str) -> str:
        return self._token("caseworker", f"chaos-caseworker-{municipality}", municipality=municipality)

    def employer(self, cvr: str) -> str:
        return self._token("employer", f"chaos-employer-{cvr}", cvr=cvr)

    def citizen(self, cpr: str) -> str:
        return self._token("citizen", f"chaos-citizen-{len(self._tokens)}", cpr=cpr)

    def tax_agency(self) -> str:
        return self._token("authority", "chaos-skat", authority="skat")

    def _token(self, role: Role, name: str, **claims: str) -> str:
        known = f"{role} {sorted(claims.items())}"
        if known not in self._tokens:
            person = Person.model_validate({"id": name, "role": role, "name": "-", "about": "invented", **claims})
            self._tokens[known] = tokens.issue(
                self._key, person, issuer=self._system.provider_url, expires_in=_TOKEN_SECONDS
            )
        return self._tokens[known]

    @cached_property
    def _key(self) -> ECKey:
        return keys.signing_key(self._system.keys.provider_key)

    def _new(self, draw: Callable[[], str]) -> str:
        while (text := draw()) in self._drawn:
            pass
        self._drawn.add(text)
        return text

    def _cpr(self) -> str:
        day = date.fromordinal(_FIRST_BIRTH + self._random.randrange(59 * 365))
        return f"{day.day + 60:02d}{day:%m%y}{self._random.randrange(1, 4000):04d}"

    def _cvr(self) -> str:
        while not is_cvr(text := str(self._random.randrange(10_000_000, 100_000_000))):
            pass
        return text
