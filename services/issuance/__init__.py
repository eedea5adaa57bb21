"""Issuance: cards, their numbers, and the sealed person data."""
