"""Journeys of people through the whole running system, in a real browser."""
