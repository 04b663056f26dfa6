"""Parsers, which convert an answer to tie groups and an outcome."""
