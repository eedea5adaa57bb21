"""Who has looked at whose data, and why: recorded before the answer leaves, never changed, and shown to the citizen."""
