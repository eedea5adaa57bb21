"""Extracts: who may request which, how far each has come, and their files."""
