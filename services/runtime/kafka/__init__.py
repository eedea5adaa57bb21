"""Kafka: consumer, producer, topics and dead letters."""
