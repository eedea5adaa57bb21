"""Settings of the portals beside those of every process."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, Field

from services.runtime.settings import HttpsAddress, OptionalHttpsAddress, PublicSettings, ReplaceableKeys


class ClaimNames(BaseModel):
    """The names of the claims in the OpenID provider's userinfo response. An absent claim gives no role."""

    name: str = Field(default="name", description="The person's name.")
    cpr: str = Field(default="cpr", description="A citizen's CPR number.")
    cvr: str = Field(default="cvr", description="The CVR number of the employer that the person works for.")
    signs_for: str = Field(default="signs_for", description="The CVR number of a business that the person signs for.")
    company: str = Field(default="company", description="The name of the business with the CVR number.")
    municipality: str = Field(default="municipality", description="The code of a caseworker's municipality.")
    authority: str = Field(default="authority", description="An analyst's authority: `skat`, `star`, ...")
    auditor: str = Field(default="auditor", description="For whom an auditor audits the accesses: `dpo`, ...")


class PortalsSettings(PublicSettings):
    """Read from ``FRIKORT_<NAME>``, for example ``FRIKORT_GATEWAY_URL``."""

    public_url: HttpsAddress = Field(
        pattern=r"^https?://[^/?#]+$", description="The portals' address for people, without a slash at the end."
    )
    gateway_url: HttpsAddress = Field(
        pattern=r"^https?://[^/?#]+$", description="The API's address for the portals, without a slash at the end."
    )
    api_url: OptionalHttpsAddress = Field(
        default=None, description="The API's address for payroll vendors, as the pages show it; by default gateway_url."
    )
    api_resource: str = Field(
        default="urn:frikort:api", description="The API as a resource at the OpenID provider (RFC 8707)."
    )
    session_keys: ReplaceableKeys = Field(
        description="`<key id>:<base64 of 32 bytes>`, comma separated; the first encrypts sessions, every one decrypts."
    )
    issuer: HttpsAddress = Field(
        description="The OpenID provider: the `iss` of its tokens, and the base of its discovery document"
        " (`<issuer>/.well-known/openid-configuration`)."
    )
    provider_timeout: float = Field(default=3.0, gt=0, description="Seconds to wait for the OpenID provider.")
    login_client_id: str = Field(default="frikort-portal", description="The portals' client id at the provider.")
    login_client_key: Path = Field(
        description="A file with the portals' private JWK (`private_key_jwt`; EC P-256, or RSA)."
    )
    login_scope: str = Field(
        default="openid person",
        description="The scopes of every login; `portal:<role>` is added, which decides the role of the access token.",
    )
    login_claims: ClaimNames = Field(
        default=ClaimNames(), description='The claims of the provider\'s userinfo response, as JSON: `{"cpr": "..."}`.'
    )
    login_seconds: int = Field(default=600, ge=1, description="Seconds that a person may take to log in.")
    session_idle: int = Field(default=1800, ge=60, description="Seconds after which an unused session ends.")
    session_most: int = Field(default=28_800, ge=60, description="Seconds after which every session ends.")
    draft_most: int = Field(
        default=28_800, ge=60, description="Seconds for which a form that was not accepted is kept for its person."
    )
    body_most: int = Field(default=65_536, ge=1, description="Most bytes in a form.")
    file_most: int = Field(default=32_000_000, ge=1, description="Most bytes in an uploaded payroll file.")
