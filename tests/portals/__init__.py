"""Tests of the portals: over HTTP, and in a real browser."""
