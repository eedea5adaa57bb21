"""The whole system through its HTTP API, on a real broker and database."""
