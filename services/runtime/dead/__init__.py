"""What was put aside: ``python -m services.runtime.dead list|show|replay|discard``."""
