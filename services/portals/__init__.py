"""The pages that people use: a client of the gateway's own API."""
