"""Deletes what has been kept as long as it is needed: a job each night, with a report."""
