"""The feeds of the authorities: what each gets the records of a card, and of each of its years."""
