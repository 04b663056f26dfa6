"""Asking a language model: backends, tokenizers, thinking budgets, journal, scheduler. Independent of reranking."""

import sys

# httpx imports the packages of its own command line (rich, click) where they are installed, which takes longer than all
# else that it imports. If that module cannot be imported, httpx works without it.
sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]
