"""Training of rerankers; it is imported only when an experiment trains a model."""
