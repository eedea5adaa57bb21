"""Builds the documents of a projection again while its service runs."""
