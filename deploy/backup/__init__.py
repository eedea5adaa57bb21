"""Backup and recovery: ``python -m deploy.backup create|extend|verify|restore|books``."""
