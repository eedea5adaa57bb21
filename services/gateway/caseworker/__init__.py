"""The caseworker's slice: the cards of the own municipality."""
