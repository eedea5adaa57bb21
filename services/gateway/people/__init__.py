"""What the commands about the keys of people do."""
