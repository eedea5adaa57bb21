"""Attacks through the API with valid tokens. Each must fail."""
