"""Random input: the API over its OpenAPI document (Schemathesis), and each decoder (Hypothesis)."""
