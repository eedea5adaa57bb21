"""Extracts: files of one kind of figures, made in the background from one snapshot, with a manifest."""
