"""Attacks on a running system; each must fail."""
