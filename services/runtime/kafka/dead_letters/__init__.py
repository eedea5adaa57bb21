"""The command for dead letters: ``python -m services.runtime.kafka.dead_letters list|show|replay|discard``."""
