"""The reranking engine: strategies ask for windows, backends answer calls, a journal keeps every answer."""
