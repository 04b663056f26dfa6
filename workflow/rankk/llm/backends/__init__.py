"""Backends answer calls: vLLM in process, any OpenAI-compatible server, stored answers."""
