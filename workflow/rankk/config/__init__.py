"""Configuration: pydantic models, checked as a whole before anything runs."""
