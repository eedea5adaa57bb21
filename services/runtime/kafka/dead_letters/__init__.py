"""What was put aside: ``python -m services.runtime.kafka.dead_letters list|show|replay|discard``."""
