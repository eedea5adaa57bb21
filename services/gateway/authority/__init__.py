"""The authority's slice: extracts, and results of reconciliations."""
