"""Exports: statements for the authorities on their feeds, and extracts of whole years."""
