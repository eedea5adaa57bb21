"""The same totals kept by others. What a peer runs imports nothing but its own library and ``rule``."""
