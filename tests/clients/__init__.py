"""Clients generated from the OpenAPI document, and its linters: `make verify ONLY=clients`."""
