"""Evidence files, and the public keys that check them."""

from __future__ import annotations

from pydantic import Field

from frikort_contracts.http.common import Resource


class Evidence(Resource):
    """A file that proves a report or an extract; `python -m frikort_contracts.verify` checks it without a network."""

    format: str = Field(description="The form of the file.", examples=["frikort-evidence-1"])
    statement: str = Field(description="What was signed, as JSON text: the report or the manifest of the extract.")
    index: int = Field(description="The place of the statement among those of its root.")
    path: list[str] = Field(description="The digests beside its way to the root of the Merkle tree (RFC 9162).")
    signed_root: str = Field(description="The signed root (JWS, Ed25519), as published on `frikort.evidence.v1`.")


class PublicKey(Resource):
    """A public key (RFC 8037)."""

    kty: str = Field(description="The kind of key.", examples=["OKP"])
    crv: str = Field(description="The curve.", examples=["Ed25519"])
    x: str = Field(description="The key, base64url.", examples=["11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"])
    kid: str = Field(description="Its id: the SHA-256 of the key (RFC 7638).")


class PublicKeys(Resource):
    """A JSON Web Key Set (RFC 7517)."""

    keys: list[PublicKey] = Field(description="The keys that have signed evidence, the present one first.")
