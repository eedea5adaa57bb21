"""Kills real processes under load and reconciles all figures afterwards: ``make chaos``."""
