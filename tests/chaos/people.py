"""Invented people and businesses, generated from the seed of the run, and their tokens."""

from __future__ import annotations

import math
import time
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
_LOGIN_SECONDS = 240
"""People log in again after so long: a hand-over needs a fresh login, and a run may take more than an hour."""
_FIRST_BIRTH = date(1940, 1, 1).toordinal()


class People:
    """Generates people and businesses, each only once."""

    def __init__(self, system: LocalSystem, random: Random) -> None:
        self._system = system
        self._random = random
        self._drawn: set[str] = set()
        self._persons: dict[str, Person] = {}
        self._tokens: dict[str, tuple[float, str]] = {}

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
        return self._token("citizen", f"chaos-citizen-{len(self._persons)}", cpr=cpr)

    def tax_agency(self) -> str:
        return self._token("authority", "chaos-skat", authority="skat")

    def _token(self, role: Role, name: str, **claims: str) -> str:
        known = f"{role} {sorted(claims.items())}"
        if known not in self._persons:
            self._persons[known] = Person.model_validate(
                {"id": name, "role": role, "name": "-", "about": "invented", **claims}
            )
        issued, token = self._tokens.get(known, (-math.inf, ""))
        if time.monotonic() > issued + _LOGIN_SECONDS:
            token = tokens.issue(
                self._key, self._persons[known], issuer=self._system.provider_url, expires_in=_TOKEN_SECONDS
            )
            self._tokens[known] = time.monotonic(), token
        return token

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
