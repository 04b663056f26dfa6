"""Effectiveness, statistics and costs of an experiment's cells, as tidy tables."""
