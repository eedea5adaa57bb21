"""The authority's slice: results of reconciliations. Its extracts are in ``services/gateway/extracts``."""
