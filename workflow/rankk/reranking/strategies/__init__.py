"""Strategies: which windows of a list are ranked, and in which order. They are independent of prompts and engines."""
