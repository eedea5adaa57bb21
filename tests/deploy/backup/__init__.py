"""The files of a backup, and the books."""
