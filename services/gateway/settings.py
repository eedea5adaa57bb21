"""Settings of the gateway beside those of every service."""

from __future__ import annotations

from pydantic import Field, SecretStr

from services.runtime.settings import RuntimeSettings


class GatewaySettings(RuntimeSettings):
    """Read from ``FRIKORT_<NAME>``, for example ``FRIKORT_JWKS_URL``."""

    seal_keys: SecretStr = Field(
        description="`<key id>:<base64 of 32 bytes>`, comma separated; the first seals, every one opens."
    )
    lookup_key: SecretStr = Field(description="Base64 of 32 bytes: the key of the hashes under which people are found.")
    issuer: str = Field(description="The `iss` of accepted access tokens.")
    jwks_url: str = Field(description="Where the issuer publishes its keys.")
    audience: str = Field(default="frikort", description="The `aud` of accepted access tokens.")
    jwks_timeout: float = Field(default=3.0, gt=0, description="Seconds to wait for the issuer's keys.")
    jwks_refresh: float = Field(default=600.0, gt=0, description="Seconds after which the keys are fetched anew.")
    wait_default: int = Field(default=10, ge=0, description="Seconds that a caller waits for an outcome, unasked.")
    wait_most: int = Field(default=30, ge=0, description="Most seconds that a caller may ask to wait.")
    guesses_per_employer: int = Field(default=10, ge=1, description="Wrong card numbers an employer may try.")
    guesses_per_number: int = Field(default=5, ge=1, description="Wrong birth dates that a number may be tried with.")
    guess_window: int = Field(default=3600, ge=1, description="Seconds over which wrong guesses are counted.")
    body_most: int = Field(default=1_000_000, ge=1, description="Most bytes in a request body.")
    requests_most: int = Field(default=1000, ge=1, description="Most requests at once; the next are refused with 503.")
    streams_per_caller: int = Field(default=6, ge=1, description="Most streams of changes that a caller may have open.")
    streams_most: int = Field(default=2000, ge=1, description="Most streams of changes at once, of all callers.")
