"""The audit log: who read or changed whose data and why. Entries are never changed, and the citizen can read them."""
