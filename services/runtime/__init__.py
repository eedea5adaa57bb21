"""The base of every process: message processing, Kafka, MongoDB, settings, logging and health. Imports no service."""
