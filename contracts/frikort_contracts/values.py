"""Shared value types: money, calendar, and the Danish identifiers.

Money is an integer number of øre. A *year* is the calendar year in Europe/Copenhagen.
"""

from __future__ import annotations

import re
from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Any, Final
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, StringConstraints, model_validator

from frikort_contracts.fields import DescribedModel
from frikort_contracts.municipalities import MUNICIPALITIES
from frikort_contracts.rules import reading

COPENHAGEN = ZoneInfo("Europe/Copenhagen")

LARGEST_ORE: Final = 10**15
Ore = Annotated[int, Field(strict=True, ge=0, le=LARGEST_ORE, description="Amount in øre (1/100 krone).")]
Year = Annotated[int, Field(strict=True, ge=2019, le=2200, description="Calendar year, Europe/Copenhagen.")]
Revision = Annotated[int, Field(strict=True, ge=1, description="Gapless, counted from 1 for each subject.")]

# One random UUID in a thousand holds digits that read as a CPR number: it is recognised first, and left alone.
_UUID_OR_CPR = re.compile(
    r"(?P<uuid>(?<![0-9A-Za-z])[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}(?![0-9A-Za-z]))"
    r"|(?<!\d)(?P<date>\d{6})[- ]?(?P<serial>\d{4})(?!\d)"
)
# Most texts have no ten digits, and this search takes half the time of the other.
_TEN_DIGITS = re.compile(r"\d{6}[- ]?\d{4}")


def danish_day(moment: datetime) -> date:
    """The calendar day in Denmark at ``moment`` (any zone, must be aware)."""
    return moment.astimezone(COPENHAGEN).date()


def danish_midnight(day: date) -> datetime:
    """The moment at which ``day`` begins in Denmark."""
    return datetime(day.year, day.month, day.day, tzinfo=COPENHAGEN)


def is_cvr(text: str) -> bool:
    """Whether ``text`` is a CVR number: 8 digits, modulus 11 with weights 2 7 6 5 4 3 2 1."""
    if len(text) != 8 or not text.isascii() or not text.isdigit() or text[0] == "0":
        return False
    a, b, c, d, e, f, g, h = text.encode()
    # Each byte is its digit and 48; the weights come to 30.
    return (2 * a + 7 * b + 6 * c + 5 * d + 4 * e + 3 * f + 2 * g + h - 30 * 48) % 11 == 0


def _check_cvr(text: str) -> str:
    if not is_cvr(text):
        raise ValueError("not a CVR number (8 digits, modulus 11)")
    return text


def birth_date_of(cpr: str) -> date:
    """The birth date in a CPR number ``DDMMYYSSSS`` (ten digits, no hyphen).

    Digit 7 and the year give the century (CPR office, "Personnummeret i CPR"): 0-3 is 1900s; 4 and 9 is
    2000-2036 or 1937-1999; 5-8 is 2000-2057 or 1858-1899. Synthetic people have day + 60. Modulus 11 is not
    required: numbers without it are valid since 2007. Raises ``ValueError`` if there is no such day.
    """
    if len(cpr) != 10 or not (cpr.isascii() and cpr.isdigit()):
        raise ValueError("a CPR number has ten digits")
    day, month, year, seventh = int(cpr[:2]), int(cpr[2:4]), int(cpr[4:6]), int(cpr[6])
    if day > 60:
        day -= 60
    if seventh <= 3:
        century = 1900
    elif seventh in (4, 9):
        century = 2000 if year <= 36 else 1900
    else:
        century = 2000 if year <= 57 else 1800
    try:
        return date(century + year, month, day)
    except ValueError as error:
        raise ValueError("a CPR number begins with a date") from error


def _check_cpr(text: str) -> str:
    digits = text.replace("-", "", 1) if len(text) == 11 and text[6] == "-" else text
    birth_date_of(digits)
    return digits


def check_no_cpr(text: str) -> str:
    """``text``, unless it holds what reads as a CPR number. Raises ``ValueError``."""
    if _TEN_DIGITS.search(text) is None:
        return text
    for match in _UUID_OR_CPR.finditer(text):
        if match["uuid"] is not None:
            continue
        try:
            birth_date_of(match["date"] + match["serial"])
        except ValueError:
            continue
        raise ValueError("must not contain a CPR number")
    return text


def _plain(value: Any) -> Any:
    return reading.plain_text(value) if isinstance(value, str) else value


def _check_card_number(text: str) -> str:
    if reading.card_number(text) != text:
        raise ValueError(reading.NOT_A_CARD_NUMBER)
    return text


def _check_municipality(code: str) -> str:
    if code not in MUNICIPALITIES:
        raise ValueError("not one of the 98 municipality codes")
    return code


Cvr = Annotated[str, AfterValidator(_check_cvr), Field(json_schema_extra={"pattern": r"^[1-9]\d{7}$"})]
Cpr = Annotated[str, AfterValidator(_check_cpr), Field(json_schema_extra={"pattern": r"^\d{6}-?\d{4}$"})]
MunicipalityCode = Annotated[str, AfterValidator(_check_municipality), Field(json_schema_extra={"pattern": r"^\d{3}$"})]
AuditorName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,39}$")]
"""Who audits the accesses to personal data, for example a data protection officer: `dpo`."""
CardNumber = Annotated[
    str,
    AfterValidator(_check_card_number),
    Field(
        description="Five digits; 00000 is no number.",
        json_schema_extra={"pattern": r"^(0000[1-9]|000[1-9][0-9]|00[1-9][0-9]{2}|0[1-9][0-9]{3}|[1-9][0-9]{4})$"},
    ),
]
PLAIN_TEXT = BeforeValidator(_plain)
"""Removes invisible characters and direction controls before any other check of a text."""
KeyedHash = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z0-9_-]{22}$"),
    Field(description="First 128 bits of HMAC-SHA-256 under a secret key, base64url."),
]
Ciphertext = Annotated[
    str,
    StringConstraints(min_length=1, max_length=4096),
    Field(description="Authenticated ciphertext `<key id>.<base64url>`; only a service with the key can decrypt it."),
]
Reference = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=64, pattern=r"^[^\x00-\x1f\x7f]+$"),
    AfterValidator(check_no_cpr),
    PLAIN_TEXT,
    Field(description="The sender's own reference; never a CPR number."),
]
Actor = Annotated[
    str,
    StringConstraints(min_length=1, max_length=128),
    AfterValidator(check_no_cpr),
    Field(description="Who acted: the subject of the access token; an opaque id."),
]


class CitizenSide(StrEnum):
    """The role in which a person acts on the citizen's side."""

    CITIZEN = "citizen"
    MUNICIPALITY = "municipality"
    MANDATE_HOLDER = "mandate-holder"


class Value(DescribedModel):
    """Base of immutable values that reject unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Period(Value):
    """Days from ``first`` to ``last``, both included; ``last`` is None while it is open."""

    first: date
    last: date | None = None

    @model_validator(mode="after")
    def _in_order(self) -> Period:
        if self.last is not None and self.last < self.first:
            raise ValueError(reading.LAST_BEFORE_FIRST)
        return self

    def covers(self, other: Period | WorkPeriod) -> bool:
        """Whether every day of ``other`` is a day of this period."""
        if other.first < self.first:
            return False
        return self.last is None or (other.last is not None and other.last <= self.last)

    def overlaps(self, other: Period) -> bool:
        """Whether the two periods share at least one day."""
        return (self.last is None or other.first <= self.last) and (other.last is None or self.first <= other.last)


class WorkPeriod(Value):
    """The days a report is about: ``first`` to ``last``, both included."""

    first: date
    last: date

    @model_validator(mode="after")
    def _in_order(self) -> WorkPeriod:
        if self.last < self.first:
            raise ValueError(reading.LAST_BEFORE_FIRST)
        return self

    def as_period(self) -> Period:
        return Period(first=self.first, last=self.last)


class Components(Value):
    """What was paid, in øre. Each part counts towards the allowance; the total is their sum.

    Wage (law), holiday pay paid with the wage (law), ATP (client's brief), pension by agreement paid to the
    citizen (guidance).
    """

    wage: Ore
    holiday_pay: Ore = 0
    atp: Ore = 0
    pension: Ore = 0

    @property
    def total(self) -> int:
        return self.wage + self.holiday_pay + self.atp + self.pension


CIPHERTEXTS_PARTED_BY: Final = "~"
"""Between two ciphertexts in one field. Neither has it."""


class EncryptedPerson(Value):
    """A citizen's encrypted personal data: found by a keyed hash, readable only with the encryption key."""

    cpr_hash: KeyedHash
    birth_check: KeyedHash = Field(description="Keyed hash of CPR hash and birth date.")
    ciphertext: Ciphertext = Field(
        description="`<CPR number>~<name>`: each encrypted with its own key of the person, for one use on one card."
        ' Without a "~", JSON {"cpr", "name"} under a key that is not the person\'s.'
    )

    @property
    def cpr_and_name(self) -> tuple[str, str] | None:
        """The two ciphertexts; None if both are in one."""
        cpr, mark, name = self.ciphertext.partition(CIPHERTEXTS_PARTED_BY)
        return (cpr, name) if mark else None


def is_none(value: object) -> bool:
    """For ``exclude_if`` of a field that is left out of the JSON without a value."""
    return value is None


def redact_cpr(value: Any) -> Any:
    """``value`` with anything that looks like a CPR number in a string replaced; used by the loggers."""
    if isinstance(value, str):
        if _TEN_DIGITS.search(value) is None:
            return value
        return _UUID_OR_CPR.sub(lambda match: match["uuid"] or "[CPR]", value)
    if isinstance(value, dict):
        return {key: redact_cpr(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [redact_cpr(item) for item in value]
    return value
