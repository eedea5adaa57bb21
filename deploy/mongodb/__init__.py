"""The users of MongoDB: their rights, and the command that creates and checks them."""
