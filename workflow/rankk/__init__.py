"""Experiments on reranking with reasoning language models; usable without Snakemake."""

__version__ = "0.1.0"
