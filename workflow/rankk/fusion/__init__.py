"""Fusions: several rankings of one query made into one."""
