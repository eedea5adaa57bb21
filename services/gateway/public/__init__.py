"""The public's slice: statistics as open data."""
