"""Limits of guesses: five digits can be guessed, so wrong card numbers and birth dates are counted."""
