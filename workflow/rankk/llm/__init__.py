"""Asking a language model: backends, tokenizers, thinking budgets, journal, scheduler. Knows nothing of rerankers."""
