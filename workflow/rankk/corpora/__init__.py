"""Corpora and collections: every source is converted to the same files, which rankk.paths names."""
