"""The checks that take longer than `make test`: `make verify`."""
