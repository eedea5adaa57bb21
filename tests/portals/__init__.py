"""Tests of the pages: as a client sees them, and as a person does in a real browser."""
