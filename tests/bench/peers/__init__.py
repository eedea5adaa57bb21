"""The same totals in other frameworks. A peer's process imports only its library and ``rule``."""
