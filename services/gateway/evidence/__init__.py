"""Evidence: statements about reports and extracts are signed in batches, and each can be proven with one file."""
