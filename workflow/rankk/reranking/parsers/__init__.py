"""Parsers of answers."""
