"""A card's queries, commands and presenters that the citizen's and the municipality's routes share."""
