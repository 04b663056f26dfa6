"""The reranking engine: strategies choose windows, backends answer calls, a journal stores every answer."""
