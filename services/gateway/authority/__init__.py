"""The authority's slice: extracts."""
