"""Strategies: which windows of a list are ranked, and in which order. They know nothing of prompts or engines."""
