"""Estimated costs of an experiment before it runs, from measured speeds and stated assumptions."""
