"""exports: statements for the authorities, their feeds, and extracts. See ``README.md``."""
