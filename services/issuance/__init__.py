"""Issuance: cards, their numbers, their mandates, and the encrypted personal data."""
