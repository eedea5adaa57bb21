"""The feeds of the authorities: each has records of a card and of its years."""
