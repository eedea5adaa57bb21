"""Changes of the amounts of a year, by two people: the command, its journal, and how a process follows them."""
