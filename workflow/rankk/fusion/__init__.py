"""Fusions, which merge several rankings of one query."""
