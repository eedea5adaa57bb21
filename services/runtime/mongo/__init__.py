"""MongoDB: documents and their stored form."""
