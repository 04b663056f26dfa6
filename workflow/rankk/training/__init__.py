"""Training of rerankers; nothing of it is imported where no experiment asks for it."""
