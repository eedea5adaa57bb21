"""One citizen's year, played through the public API: ``make demo``."""
