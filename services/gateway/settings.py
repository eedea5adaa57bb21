"""Settings of the gateway's processes beside those of every service."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, Field, SecretStr

from services.runtime.settings import RuntimeSettings


class ClaimNames(BaseModel):
    """How the OpenID provider calls what it tells of a person; what it does not tell, the person is not."""

    name: str = Field(default="name", description="The person's name.")
    cpr: str = Field(default="cpr", description="A citizen's CPR number.")
    cvr: str = Field(default="cvr", description="The CVR number of the employer that the person works for.")
    signs_for: str = Field(default="signs_for", description="The CVR number of a business that the person signs for.")
    owners: str = Field(
        default="owners", description="The CPR numbers of the owners of that business, if a sole trader's."
    )
    municipality: str = Field(default="municipality", description="The code of a caseworker's municipality.")
    authority: str = Field(default="authority", description="An analyst's authority: `skat`, `star`, ...")


class KeySettings(RuntimeSettings):
    """The keys of personal data."""

    seal_keys: SecretStr = Field(
        description="`<key id>:<base64 of 32 bytes>`, comma separated; the first encrypts, all decrypt."
    )
    lookup_key: SecretStr = Field(description="Base64 of 32 bytes: the key of the hashes for look-up.")


class PayrollSettings(KeySettings):
    """Settings of the payroll worker. Read from ``FRIKORT_<NAME>``."""

    batch_poll: float = Field(default=1.0, gt=0, description="Seconds between two looks for payroll files to book.")
    batch_lease: float = Field(
        default=10.0, gt=0, description="Seconds without renewal after which another worker books a payroll file."
    )


class GatewaySettings(PayrollSettings):
    """Settings of the API. Read from ``FRIKORT_<NAME>``, for example ``FRIKORT_JWKS_URL``."""

    issuer: str = Field(
        description="The OpenID provider: the `iss` of its tokens, and where it describes itself"
        " (`<issuer>/.well-known/openid-configuration`)."
    )
    authorization_url: str | None = Field(
        default=None, description="The issuer's authorization endpoint, for the OpenAPI document; else `<issuer>/auth`."
    )
    token_url: str | None = Field(
        default=None, description="The issuer's token endpoint, for the OpenAPI document; else `<issuer>/token`."
    )
    jwks_url: str = Field(description="Where the issuer publishes its keys.")
    audience: str = Field(default="frikort", description="The `aud` of accepted access tokens.")
    jwks_timeout: float = Field(default=3.0, gt=0, description="Seconds to wait for the issuer.")
    jwks_refresh: float = Field(default=600.0, gt=0, description="Seconds after which the keys are fetched again.")
    public_url: str = Field(
        pattern=r"^https?://[^/?#]+$", description="Where people find the portals, without a slash at the end."
    )
    login_client_id: str = Field(default="frikort-portal", description="Who the portals are at the OpenID provider.")
    login_client_key: Path = Field(
        description="A file with the private JWK that proves it (`private_key_jwt`; EC P-256, or RSA)."
    )
    login_scope: str = Field(default="openid person", description="What the OpenID provider is asked for.")
    login_claims: ClaimNames = Field(
        default=ClaimNames(), description='The claims of the provider\'s userinfo answer, as JSON: `{"cpr": "..."}`.'
    )
    login_seconds: int = Field(default=600, ge=1, description="Seconds that a person may take to log on.")
    session_idle: int = Field(default=1800, ge=60, description="Seconds after which an unused session ends.")
    session_most: int = Field(default=28_800, ge=60, description="Seconds after which every session ends.")
    wait_default: int = Field(default=10, ge=0, description="Seconds to wait for an outcome without a preference.")
    wait_most: int = Field(default=30, ge=0, description="Most seconds that a caller may ask to wait.")
    guesses_per_employer: int = Field(default=10, ge=1, description="Wrong card numbers an employer may try.")
    guesses_per_number: int = Field(default=5, ge=1, description="Wrong birth dates that a number may be tried with.")
    guess_window: int = Field(default=3600, ge=1, description="Seconds over which wrong guesses are counted.")
    body_most: int = Field(default=1_000_000, ge=1, description="Most bytes in a request body.")
    requests_most: int = Field(default=1000, ge=1, description="Most requests at once; the next are refused with 503.")
    # A browser without HTTP/2 opens six connections to a server, and needs some of them for its pages.
    streams_per_caller: int = Field(default=4, ge=1, description="Most streams of changes that a caller may have open.")
    streams_most: int = Field(default=2000, ge=1, description="Most streams of changes at once, of all callers.")
    batch_bytes_most: int = Field(default=32_000_000, ge=1, description="Most bytes in a payroll file.")
    batch_lines_most: int = Field(default=100_000, ge=1, description="Most lines in a payroll file.")
    batch_hold_days: int = Field(default=7, ge=1, description="Days after which a held payroll file is cancelled.")

    @property
    def authorization_address(self) -> str:
        """Where a person is sent to log in."""
        return self.authorization_url or f"{self.issuer.rstrip('/')}/auth"

    @property
    def token_address(self) -> str:
        """Where a client gets its access tokens."""
        return self.token_url or f"{self.issuer.rstrip('/')}/token"
