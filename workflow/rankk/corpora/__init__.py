"""Corpora and collections: any source becomes the same files (rankk.paths names them)."""
