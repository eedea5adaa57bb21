"""The citizen's slice: the own card, mandates, and cards of others by mandate."""
