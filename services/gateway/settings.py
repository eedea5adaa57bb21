"""Settings of the gateway's processes beside those of every service."""

from __future__ import annotations

from typing import Annotated, Final

from frikort_contracts.values import MunicipalityCode
from pydantic import Field

from services.gateway.attempts.rules import Limit, Limits
from services.gateway.audit.case_numbers import CaseNumberForm
from services.gateway.audit.unusual import Limits as UsualAccesses
from services.runtime.settings import (
    FILES_DESCRIPTION,
    FileAddress,
    HttpsAddress,
    LastingKeys,
    LookupKeys,
    OptionalHttpsAddress,
    PublicSettings,
    ReplaceableKeys,
    RuntimeSettings,
)

_AtLeastOne = Annotated[int, Field(ge=1)]
_Hour = Annotated[int, Field(ge=0, le=24)]
AttemptLimit = tuple[_AtLeastOne, _AtLeastOne, _AtLeastOne]
_LIMIT: Final = "in an hour, a day and 30 days, as `[5, 6, 6]`"


_WRAPS: Final = "`<key id>:<base64 of 32 bytes>`, comma separated; the first encrypts the data keys of {}, all decrypt."


class PayrollSettings(RuntimeSettings):
    """Settings of the payroll worker. Read from ``FRIKORT_<NAME>``."""

    encryption_keys: LastingKeys = Field(
        description="`<key id>:<base64 of 32 bytes>`, comma separated; the first encrypts, all decrypt."
    )
    batch_poll: float = Field(default=1.0, gt=0, description="Seconds between two looks for payroll files to book.")
    batch_lease: float = Field(
        default=10.0, gt=0, description="Seconds without renewal after which another worker books a payroll file."
    )


class GatewaySettings(PayrollSettings, PublicSettings):
    """Settings of the API. Read from ``FRIKORT_<NAME>``, for example ``FRIKORT_JWKS_URL``."""

    extract_files: FileAddress = Field(description=FILES_DESCRIPTION)
    key_encryption_keys_cpr: ReplaceableKeys = Field(description=_WRAPS.format("CPR numbers"))
    key_encryption_keys_name: ReplaceableKeys = Field(description=_WRAPS.format("names"))
    key_encryption_keys_text: ReplaceableKeys = Field(description=_WRAPS.format("texts"))
    lookup_key: LookupKeys = Field(
        description="Base64 of 32 bytes: the key of the hashes for look-up. A new one is added with an id, as "
        "`<base64>,2:<base64>`; the first hashes new people, all find."
    )
    audit_log_keys: ReplaceableKeys = Field(
        description="`<key id>:<base64 of 32 bytes>`, comma separated; the first signs the audit log, all check it."
    )
    audit_log_interval: float = Field(
        default=10.0, gt=0, description="Seconds between two checkpoints of the audit log."
    )
    case_number_forms: dict[MunicipalityCode, CaseNumberForm] = Field(
        default_factory=dict,
        description='Municipalities whose caseworkers state a case number as the purpose, as `{"101": {"mask": '
        '"S-0000-000000", "example": "S-2025-000042"}}`: 0 is a digit, A a letter, X either.',
    )
    unusual_people_per_hour: int = Field(
        default=60, ge=1, description="People that a caseworker looks up in an hour; more are unusual."
    )
    unusual_readers_per_day: int = Field(
        default=8, ge=1, description="Caseworkers who look up one person in a day; more are unusual."
    )
    usual_hours: tuple[_Hour, _Hour] = Field(
        default=(6, 20), description="Danish hours from and until which look-ups on weekdays are usual, as `[6, 20]`."
    )
    issuer: HttpsAddress = Field(description="The `iss` of accepted access tokens: the OpenID provider's address.")
    authorization_url: OptionalHttpsAddress = Field(
        default=None, description="The issuer's authorization endpoint, for the OpenAPI document; else `<issuer>/auth`."
    )
    token_url: OptionalHttpsAddress = Field(
        default=None, description="The issuer's token endpoint, for the OpenAPI document; else `<issuer>/token`."
    )
    jwks_url: HttpsAddress = Field(description="Where the issuer publishes its keys.")
    audience: str = Field(default="frikort", description="The `aud` of accepted access tokens.")
    jwks_timeout: float = Field(default=3.0, gt=0, description="Seconds to wait for the issuer.")
    jwks_refresh: float = Field(default=600.0, gt=0, description="Seconds after which the keys are fetched again.")
    api_url: HttpsAddress = Field(
        pattern=r"^https?://[^/?#]+$", description="Where clients reach the API, without a slash at the end."
    )
    fresh_login: int = Field(
        default=300, ge=1, le=3600, description="Seconds after a login in which a person may do a sensitive action."
    )
    wait_default: int = Field(default=10, ge=0, description="Seconds to wait for an outcome without a preference.")
    wait_most: int = Field(default=30, ge=0, description="Most seconds that a caller may ask to wait.")
    attempts_per_caller: AttemptLimit = Field(
        default=(10, 30, 100), description=f"Wrong numbers and birth dates that a company or owner may try; {_LIMIT}."
    )
    attempts_per_target: AttemptLimit = Field(
        default=(5, 6, 6), description=f"Those of a company or owner with the same number or the same date; {_LIMIT}."
    )
    attempts_suspicious: AttemptLimit = Field(
        default=(10, 15, 20), description=f"Those of all companies from which a number or date is suspected; {_LIMIT}."
    )
    attempts_per_suspected: AttemptLimit = Field(
        default=(2, 3, 3), description=f"As attempts_per_target, for a suspected number or date; {_LIMIT}."
    )
    attempt_pause: float = Field(
        default=1.0, gt=0, description="Seconds of the first pause after wrong attempts; the next ones are longer."
    )
    body_most: int = Field(default=65_536, ge=1, description="Most bytes in a request body other than a file.")
    # A browser without HTTP/2 opens six connections to a server, and needs some of them for its pages.
    streams_per_caller: int = Field(default=4, ge=1, description="Most streams of changes that a caller may have open.")
    streams_most: int = Field(default=2000, ge=1, description="Most streams of changes at once, of all callers.")
    batch_bytes_most: int = Field(default=32_000_000, ge=1, description="Most bytes in a payroll file.")
    batch_lines_most: int = Field(default=100_000, ge=1, description="Most lines in a payroll file.")
    batch_hold_days: int = Field(default=7, ge=1, description="Days after which a held payroll file is cancelled.")

    @property
    def usual_accesses(self) -> UsualAccesses:
        """The limits above which look-ups are unusual."""
        return UsualAccesses(self.unusual_people_per_hour, self.unusual_readers_per_day, self.usual_hours)

    @property
    def attempt_limits(self) -> Limits:
        """The limits of wrong card numbers and birth dates."""
        return Limits(
            caller=Limit(*self.attempts_per_caller),
            target=Limit(*self.attempts_per_target),
            suspicion=Limit(*self.attempts_suspicious),
            suspected=Limit(*self.attempts_per_suspected),
        )

    @property
    def authorization_address(self) -> str:
        """Where a person is sent to log in."""
        return self.authorization_url or f"{self.issuer.rstrip('/')}/auth"

    @property
    def token_address(self) -> str:
        """Where a client gets its access tokens."""
        return self.token_url or f"{self.issuer.rstrip('/')}/token"
