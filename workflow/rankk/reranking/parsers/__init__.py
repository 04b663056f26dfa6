"""Parsers: from a model's words to tie groups and a typed outcome."""
