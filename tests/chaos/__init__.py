"""Killing the real thing under load, and checking the books afterwards: ``make chaos``."""
